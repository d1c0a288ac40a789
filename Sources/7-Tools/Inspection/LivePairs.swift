internal import CandleReader
internal import MarketData
internal import Reports
internal import Store

/// The pairs of the live view: the present quote of each, and its last candles.
struct LivePairs {
    let candles: [SeriesStatistics]
    let quotes: [Pair: FormingCandles.Quote]

    /// Lines that fit the window: the most columns with which all pairs do, in blocks beside each other. No price is cut.
    func lines(rows: Int, columns: Int) -> [LiveFrame.Line] {
        guard !pairs.isEmpty else { return [LiveFrame.Line(text: "no candles yet")] }
        let layouts = tables.lazy.map { Layout($0, rows: rows, columns: columns) }
        return (layouts.first(where: \.showsAll) ?? Layout(tables[tables.count - 1], rows: rows, columns: columns))
            .lines
    }

    private var pairs: [Pair] { Set(quotes.keys).union(candles.map(\.series.pair)).sorted() }

    /// Rows of a table of several blocks beside each other.
    private struct Layout {
        let lines: [LiveFrame.Line]
        let showsAll: Bool

        /// - Parameter table: a heading, and one line for each pair.
        init(_ table: [String], rows: Int, columns: Int) {
            let pairs = table.count - 1
            let width = table.map(\.count).max() ?? 0
            let height = max(1, rows - 1)
            // Two dozen below each other are hard to read if there is room beside.
            let count = min((columns + 2) / (width + 2), (pairs + min(height, 14) - 1) / min(height, 14))
            showsAll = count > 0 && pairs <= count * height
            let perBlock = showsAll ? (pairs + count - 1) / count : height - 1
            let shown = showsAll ? pairs : count * perBlock
            let blocks = stride(from: 0, to: shown, by: max(1, perBlock)).map { first in
                [table[0]] + table[(1 + first)..<min(1 + first + perBlock, 1 + shown)]
            }
            func joined(_ cells: [String]) -> String {
                cells.map { $0 + String(repeating: " ", count: width - $0.count) }.joined(separator: "  ")
            }
            var lines = (0..<(blocks.first?.count ?? 0)).map { row in
                LiveFrame.Line(
                    text: joined(blocks.compactMap { row < $0.count ? $0[row] : nil }),
                    tone: row == 0 ? .heading : .plain)
            }
            if !showsAll {
                lines.append(LiveFrame.Line(text: "… \(pairs - shown) more pairs: the window is too small"))
            }
            self.lines = lines
        }
    }

    /// The tables that may be shown, the widest first: with the last candle of each timeframe, the shortest first, down to
    /// one price of each pair.
    private var tables: [[String]] {
        let timeframes = Set(candles.map(\.series.timeframe)).sorted()
        let quoteHead = quotes.isEmpty ? [] : ["bid", "ask", "spread"]
        let least = quotes.isEmpty ? 1 : 0
        let wide = stride(from: max(least, timeframes.count), through: least, by: -1).map { count in
            table(quoteHead, timeframes.prefix(count), gap: 2)
        }
        if quotes.isEmpty { return wide + [closes] }
        return wide + [table(["bid", "ask"], [], gap: 1), table(["bid"], [], gap: 1)]
    }

    /// The last close of each pair's shortest timeframe alone.
    private var closes: [String] {
        let byPair = Dictionary(grouping: candles, by: \.series.pair)
        let rows = pairs.map { pair in
            let last = byPair[pair]?.min { $0.series.timeframe < $1.series.timeframe }
            return [pair.description, last?.close.formatted(decimals: 3) ?? ""]
        }
        return TextTable(head: ["pair", "close"], rows: rows, leftAligned: ["pair"], gap: 1).text
            .split(separator: "\n").map(String.init)
    }

    /// A heading and one line for each pair.
    private func table(_ quoteHead: [String], _ timeframes: ArraySlice<Timeframe>, gap: Int) -> [String] {
        let byPair = Dictionary(grouping: candles, by: \.series.pair)
        let rows = pairs.map { pair in
            [pair.description] + quoteCells(quotes[pair]).prefix(quoteHead.count)
                + timeframes.map { timeframe in lastCandle(byPair[pair]?.first { $0.series.timeframe == timeframe }) }
        }
        let leftAligned = Set(["pair"] + timeframes.map(\.description))
        return TextTable(
            head: ["pair"] + quoteHead + timeframes.map(\.description), rows: rows, leftAligned: leftAligned, gap: gap
        ).text.split(separator: "\n").map(String.init)
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
