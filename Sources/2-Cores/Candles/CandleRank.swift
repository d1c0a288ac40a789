public import Wire

/// Which candle of an interval readers see. Of each source an interval keeps its best candle; the highest in rank is
/// seen, and the others wait for the case that it is withdrawn. Whatever the order in which candles come, the same is
/// seen in the end. Source: docs/architecture.md § The store.
public struct CandleRank: Sendable {
    public let source: CandleSource
    public let flags: CandleFlags
    public let revision: UInt16

    public init(source: CandleSource, flags: CandleFlags, revision: UInt16) {
        (self.source, self.flags, self.revision) = (source, flags, revision)
    }

    public init(_ candle: CandleRecord) {
        self.init(source: candle.source, flags: candle.flags, revision: candle.revision)
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

    /// Whether a candle takes the place of a former one of the same source: by level and revision; if one of them was
    /// withdrawn or disputed, by revision alone.
    public func replaces(_ former: CandleRank) -> Bool {
        flags.union(former.flags).isDisjoint(with: [.withdrawn, .disputed])
            ? (level, revision) > (former.level, former.revision) : revision > former.revision
    }

    /// Which of an interval's candles readers see, one of each source.
    /// - Parameter seen: the one that they see now; it stays unless another is better.
    /// - Returns: an index.
    public static func best(of candles: [CandleRank], seen: Int) -> Int {
        candles.indices.reduce(seen) { candles[$1].level > candles[$0].level ? $1 : $0 }
    }
}
