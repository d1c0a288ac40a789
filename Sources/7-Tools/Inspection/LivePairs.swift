internal import CandleReader
internal import MarketData
internal import Reports
internal import Store

/// The pairs of the live view: the present quote of each, and its last candles.
struct LivePairs {
    let candles: [SeriesStatistics]
    let quotes: [Pair: FormingCandles.Quote]

    /// Lines that fit the window: pairs stand in several columns if the height does not suffice, and with fewer candles
    /// if the width does not.
    func lines(rows: Int, columns: Int) -> [LiveFrame.Line] {
        guard !pairs.isEmpty else { return [LiveFrame.Line(text: "no candles yet")] }
        let layouts = timeframeCounts.map { Layout(table(timeframes: $0), rows: rows, columns: columns) }
        return (layouts.first(where: \.showsAll) ?? layouts[layouts.count - 1]).lines
    }

    private var pairs: [Pair] { Set(quotes.keys).union(candles.map(\.series.pair)).sorted() }

    /// How many timeframes a table may show, the best first. Quotes alone are enough, candles alone too.
    private var timeframeCounts: [Int] { quotes.isEmpty ? [2, 1] : [2, 1, 0] }

    /// Rows of a table of several blocks beside each other.
    private struct Layout {
        let lines: [LiveFrame.Line]
        let showsAll: Bool

        /// - Parameter table: a heading, and one line for each pair.
        init(_ table: [String], rows: Int, columns: Int) {
            let pairs = table.dropFirst()
            let width = table.map(\.count).max() ?? 0
            let height = max(1, rows - 1)
            let fitting = max(1, (columns + 2) / (width + 2))
            let count = min(fitting, (pairs.count + height - 1) / height)
            let perColumn = (pairs.count + count - 1) / count
            showsAll = perColumn <= height
            let shown = showsAll ? perColumn : max(1, height - 1)
            func joined(_ cells: [String]) -> String {
                cells.map { $0 + String(repeating: " ", count: width - $0.count) }.joined(separator: "  ")
            }
            var lines = [LiveFrame.Line(text: joined(Array(repeating: table[0], count: count)), tone: .heading)]
            for row in 0..<shown {
                let cells = stride(from: 1 + row, to: table.count, by: perColumn).map { table[$0] }
                lines.append(LiveFrame.Line(text: joined(cells)))
            }
            if !showsAll { lines.append(LiveFrame.Line(text: "… and more pairs: the window is too small")) }
            self.lines = lines
        }
    }

    /// A heading and one line for each pair.
    /// - Parameter count: of timeframes whose last candle is shown, the shortest first.
    private func table(timeframes count: Int) -> [String] {
        let timeframes = Array(Set(candles.map(\.series.timeframe)).sorted().prefix(count))
        let byPair = Dictionary(grouping: candles, by: \.series.pair)
        let rows = pairs.map { pair in
            [pair.description] + (quotes.isEmpty ? [] : quoteCells(quotes[pair]))
                + timeframes.map { timeframe in lastCandle(byPair[pair]?.first { $0.series.timeframe == timeframe }) }
        }
        let head = ["pair"] + (quotes.isEmpty ? [] : ["bid", "ask", "spread"]) + timeframes.map(\.description)
        let leftAligned = Set(["pair"] + timeframes.map(\.description))
        return TextTable(head: head, rows: rows, leftAligned: leftAligned).text
            .split(separator: "\n").map(String.init)
    }

    private func quoteCells(_ quote: FormingCandles.Quote?) -> [String] {
        guard let quote else { return ["", "", ""] }
        let (bid, ask) = (quote.bid.rawValue, quote.ask.rawValue)
        guard bid > 0, ask > 0 else { return [text(quote.bid), text(quote.ask), ""] }
        let places = max(decimals(of: quote.bid), decimals(of: quote.ask))
        return [quote.bid, quote.ask, Price(rawValue: ask - bid)].map { $0.formatted(decimals: places) }
    }

    private func text(_ price: Price) -> String { price.rawValue == 0 ? "" : price.formatted(decimals: 3) }

    private func decimals(of price: Price) -> Int {
        let text = price.formatted(decimals: 3)
        return text.firstIndex(of: ".").map { text.distance(from: $0, to: text.endIndex) - 1 } ?? 0
    }

    /// Start and mid close.
    private func lastCandle(_ last: SeriesStatistics?) -> String {
        guard let last else { return "" }
        let newest = candles.map(\.newest).max() ?? last.newest
        let longest = candles.map { $0.close.formatted(decimals: 3).count }.max() ?? 0
        let text = last.newest.text()
        // Within a day the time of day says it, before that the date.
        let isRecent = newest - last.newest < .seconds(86_400)
        let time = isRecent ? text.suffix(8).prefix(5) : text.prefix(10).suffix(5)
        let close = last.close.formatted(decimals: 3)
        return "\(time) \(close)" + String(repeating: " ", count: longest - close.count)
    }
}
