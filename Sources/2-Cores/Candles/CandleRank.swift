public import Wire

/// Which candle of an interval readers see. Of each source and collector an interval keeps its best candle; the best of
/// those is seen, and the others wait for the case that it is withdrawn. Whatever the order in which candles come, the
/// same is seen in the end. Source: docs/architecture.md § The store.
public struct CandleRank: Sendable {
    public let source: CandleSource
    public let collector: Collector
    public let flags: CandleFlags
    public let revision: UInt16
    public let tickCount: UInt32

    public init(
        source: CandleSource, collector: Collector, flags: CandleFlags, revision: UInt16, tickCount: UInt32
    ) {
        (self.source, self.collector) = (source, collector)
        (self.flags, self.revision, self.tickCount) = (flags, revision, tickCount)
    }

    public init(_ candle: CandleRecord, _ collector: Collector) {
        self.init(
            source: candle.source, collector: collector, flags: candle.flags, revision: candle.revision,
            tickCount: candle.tickCount)
    }

    /// Complete streamed, then bought from the broker, then derived from bought smaller ones, then imported, then
    /// partial streamed. Higher is better.
    public var level: Int {
        switch source {
        case .streamed: flags.contains(.partial) ? 1 : 5
        case .bought: 4
        case .derived: 3
        case .imported: 2
        default: 0
        }
    }

    /// Whether both are of the same source and collector, so that an interval keeps one of them.
    public func isRevision(of other: CandleRank) -> Bool { source == other.source && collector == other.collector }

    /// Whether a candle takes the place of a former one of the same source and collector: by level and revision; if one of
    /// them was withdrawn or disputed, by revision alone.
    public func replaces(_ former: CandleRank) -> Bool {
        flags.union(former.flags).isDisjoint(with: [.withdrawn, .disputed])
            ? (level, revision) > (former.level, former.revision) : revision > former.revision
    }

    /// Whether readers see this one of two that are not revisions of each other. Revisions of different collectors are not
    /// compared: they count different things.
    public func isBetter(than other: CandleRank) -> Bool {
        (level, tickCount, other.collector) > (other.level, other.tickCount, collector)
    }

    /// Which of an interval's candles readers see, one of each source and collector.
    /// - Returns: an index.
    public static func best(of candles: [CandleRank]) -> Int {
        candles.indices.reduce(0) { candles[$1].isBetter(than: candles[$0]) ? $1 : $0 }
    }
}
