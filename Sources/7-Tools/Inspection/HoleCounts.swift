package import MarketData
package import Settings
package import Store

/// The gaps of the last week, by pair.
package struct HoleCounts: Sendable {
    package struct OfPair: Hashable, Sendable {
        /// Gaps that repair would fill.
        package fileprivate(set) var open = 0
        /// The begin of the oldest of these; `nil` without one.
        package fileprivate(set) var oldest: UTCSeconds?
        /// Gaps that end within the last day.
        package fileprivate(set) var ofLastDay = 0
    }

    private var pairs: [String: OfPair] = [:]

    package init() {}

    package subscript(pair: Pair) -> OfPair { pairs[pair.description] ?? OfPair() }

    /// Reads all candles of the last week.
    /// - Throws: `Failure` (69) if nothing is stored; `StoreError`.
    package init(_ reader: any CandleQueries, _ collectors: Collectors) throws {
        let report = try GapsReport(reader, pairs: [], timeframe: nil, days: 7, collectors: collectors)
        let dayAgo = report.until - .seconds(86_400)
        for gap in report.gaps {
            var counts = pairs[gap.pair] ?? OfPair()
            if gap.until > dayAgo { counts.ofLastDay += 1 }
            if gap.repair == .planned {
                counts.open += 1
                counts.oldest = min(counts.oldest ?? gap.from, gap.from)
            }
            pairs[gap.pair] = counts
        }
    }
}
