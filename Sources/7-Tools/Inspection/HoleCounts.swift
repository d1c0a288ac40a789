package import MarketData
package import Settings
package import Store

/// The gaps of the last week, by pair, and what the last day lacks.
package struct HoleCounts: Sendable {
    package struct OfPair: Hashable, Sendable {
        /// Gaps that repair would fill.
        package fileprivate(set) var open = 0
        /// The begin of the oldest of these; `nil` without one.
        package fileprivate(set) var oldest: UTCSeconds?
    }

    private var pairs: [String: OfPair] = [:]
    /// As `/api/v1/pairs` has it; `nil` if nothing is stored.
    package let lastDay: LastDay?

    /// Of a database without candles.
    package init() { lastDay = nil }

    package subscript(pair: Pair) -> OfPair { pairs[pair.description] ?? OfPair() }

    /// Reads all candles of the last week.
    /// - Throws: `Failure` (69) if nothing is stored; `StoreError`.
    package init(_ reader: any CandleQueries, _ collectors: Collectors) throws {
        let report = try GapsReport(reader, pairs: [], timeframe: nil, days: 7, collectors: collectors)
        lastDay = try LastDay(reader, collectors)
        for gap in report.gaps {
            var counts = pairs[gap.pair] ?? OfPair()
            if gap.repair == .planned {
                counts.open += 1
                counts.oldest = min(counts.oldest ?? gap.from, gap.from)
            }
            pairs[gap.pair] = counts
        }
    }
}
