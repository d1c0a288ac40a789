internal import Archive
public import Host
public import MarketData
public import Settings
public import Store
internal import Streams
internal import Wire

/// What `candlewick refold --new` would make: `ingest-backfill` need not buy it.
public struct RefoldablePast {
    /// Of the configuration, without a past.
    private let timeframes: Set<Timeframe>
    private let sight: Sight
    private let smaller: SmallerCandles
    /// The time of the oldest tick; `nil` without a tick.
    private let ticksSince: UTCSeconds?

    /// - Returns: `nil` if no timeframe is new.
    /// - Throws: `JournalError`, `StoreError`.
    public init?(_ paths: Paths, _ configuration: Configuration, _ reader: any CandleQueries) throws {
        timeframes = KnownTimeframes.new(paths, configuration)
        guard !timeframes.isEmpty else { return nil }
        sight = try Sight(reader)
        smaller = try SmallerCandles(reader, calendar: configuration.calendar)
        ticksSince = try RefoldablePast.ticksSince(paths)
    }

    /// Without looking into more than the first records: a fold may know it later.
    private static func ticksSince(_ paths: Paths) throws -> UTCSeconds? {
        let ticks = try ArchivedStream(.ticks, paths)
        var beginning = FoldBeginning(at: ticks.nextPosition)
        while beginning.first == nil {
            let count = try ticks.read(TickEnvelope.self) { beginning.note($0, feedTime: $0.brokerTime) }
            if count == 0 { return nil }
        }
        return beginning.first.map { max($0, beginning.since).seconds }
    }

    /// Those of some intervals that need not be bought: their ticks were seen and are there, or all their smaller candles.
    /// - Parameter starts: of intervals without a candle.
    /// - Throws: `StoreError`.
    public func intervals(_ series: Series, of starts: [UTCSeconds]) throws -> Set<UTCSeconds> {
        guard timeframes.contains(series.timeframe), let first = starts.min(), let last = starts.max() else {
            return []
        }
        let ofTicks = starts.filter { start in
            ticksSince.map { start > $0 } == true && !sight.lacks(series, start, isPartial: false)
        }
        let end = min(
            last + series.timeframe, ticksSince.map { series.timeframe.start(of: $0) + series.timeframe } ?? .max)
        guard first < end else { return Set(ofTicks) }
        let wanted = Set(starts)
        var found = Set(ofTicks)
        try smaller.make(series, in: first..<end) { made in
            found.formUnion(wanted.intersection(made.candles.map(\.start.seconds)))
        }
        return found
    }
}

@available(*, unavailable)
extension RefoldablePast: Sendable {}
