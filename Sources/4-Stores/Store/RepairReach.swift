public import MarketData

/// Since when repair looks for holes of a series: the first streamed candle, or so many days before now, whichever is
/// later. What a file or a purchase brought from before does not count, so an import never makes anything wanted.
/// Source: docs/decisions/0027.
///
/// - Note: One thread only.
public final class RepairReach {
    /// Why holes from before are left alone.
    public enum Bound: Hashable, Sendable {
        /// Nothing was streamed before.
        case stream
        /// They are older than `history.repair_days`.
        case days
    }

    public struct Beginning: Hashable, Sendable {
        public let start: UTCSeconds
        public let bound: Bound
    }

    private let reader: any CandleQueries
    private let sight: Sight
    private let days: Int
    private let depthDays: (Timeframe) -> Int64
    private let now: UTCSeconds
    private var known: [Series: Beginning?] = [:]
    private var streamedTimeframes: Set<Timeframe>?

    /// - Parameters:
    ///   - days: `history.repair_days`.
    ///   - depthDays: how far back the broker has candles of a timeframe, days.
    ///   - now: the broker's time.
    public init(
        _ reader: any CandleQueries, _ sight: Sight, now: UTCSeconds, days: Int,
        depthDays: @escaping (Timeframe) -> Int64
    ) {
        (self.reader, self.sight, self.now, self.days, self.depthDays) = (reader, sight, now, days, depthDays)
    }

    /// - Returns: `nil` when nothing of the series was streamed, nor looked for: repair wants nothing of it.
    /// - Throws: `StoreError`.
    public func beginning(_ series: Series) throws -> Beginning? {
        if let beginning = known[series] { return beginning }
        guard try isStreamed(series.timeframe) else { return nil }
        let streamed = try reader.oldestStreamed(series, .all)
        let first = sight.expectedSince(series.pair, oldestCandle: streamed)
        let oldest = now - .seconds(min(Int64(days), depthDays(series.timeframe)) * 86_400)
        let beginning = first.map { first in
            first < oldest ? Beginning(start: oldest, bound: .days) : Beginning(start: first, bound: .stream)
        }
        known[series] = .some(beginning)
        return beginning
    }

    /// Whether any pair was streamed in a timeframe.
    private func isStreamed(_ timeframe: Timeframe) throws -> Bool {
        if streamedTimeframes == nil {
            let streamed = try reader.series().filter { try reader.oldestStreamed($0, .all) != nil }
            streamedTimeframes = Set(streamed.map(\.timeframe))
        }
        return streamedTimeframes?.contains(timeframe) == true
    }
}

@available(*, unavailable)
extension RepairReach: Sendable {}
