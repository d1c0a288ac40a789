internal import Engines
internal import Store
internal import Reports
internal import ArgumentParser
internal import Charts
internal import Host
internal import Inspection
internal import MarketData
internal import Settings

struct ChartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chart",
        abstract: "Draws candles, with volume and moving averages.",
        discussion: """
            Draws the last candles, in the terminal, as wide and high as it is (80 by 24
            into a pipe), or into files by gnuplot: --png, --svg, --html (one page that
            needs no network).
            Times are UTC; an interval without a candle stays empty, a weekend is one
            line; partial candles are marked. Moving averages use the closes of complete
            and partial candles.

            EXAMPLES
              candlewick chart EUR_USD 5m
              candlewick chart EUR_USD 15m --last 200 --ma 21 --ma 50 --png eurusd.png
              candlewick chart USD_JPY 1h --html usdjpy.html
            """)

    @Argument(help: "The pair: EUR_USD, EURUSD or EUR/USD.")
    var pair: Pair

    @Argument(help: "The timeframe: 5, 5m, 15m, 1h.")
    var timeframe: Timeframe

    @Option(help: "Number of candles; default: as many as fit, 200 in a file, with --since all.")
    var last: Int?

    @OptionGroup var range: RangeOptions

    @Option(help: "Period of a moving average, in candles; may be repeated; default: 9, 21 and 50.")
    var ma: [Int] = []

    @Option(help: "mid, bid or ask.")
    var price = CandleTable.Side.mid

    @OptionGroup var picture: PictureOptions

    @Flag(help: "Print the candles as JSON, as 'candles --json' does.")
    var json = false

    /// More columns than any terminal has.
    private static let mostShown = 5_000

    func validate() throws {
        if let last, !(1...Self.mostShown).contains(last) {
            throw ValidationError("--last must be 1 to 5,000, not \(last)")
        }
        if let period = ma.first(where: { !(2...1_000).contains($0) }) {
            throw ValidationError("--ma \(period): a period is 2 to 1,000 candles")
        }
        if price == .all { throw ValidationError("--price all cannot be drawn: mid, bid or ask") }
        if json, !picture.files.isEmpty { throw ValidationError("--json and a picture's file exclude each other") }
    }

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            try picture.check()
            let reader = try storeEngine.openReader(paths)
            let size = Terminal.size ?? .usual
            let averages = ma.isEmpty ? [9, 21, 50] : ma
            let usual = range.since != nil ? Self.mostShown : picture.files.isEmpty ? size.columns : 200
            let all = try candles(reader, last ?? usual, averages: averages)
            let shown = min(last ?? usual, all.count { range.range.contains(UTCSeconds(rawValue: $0.timestamp)) })
            guard shown > 0 else {
                try KnownPairs(paths).expect([pair])
                throw Failure(
                    .unavailable, "\(reader.path) holds no \(timeframe) candles of \(pair)\(range.words)")
            }
            if json {
                let table = CandleTable(Array(all.suffix(shown)), pair: pair, timeframe: timeframe, side: price)
                Program.write(standardOutput: table.text(.json))
                return
            }
            let chart = CandleChart(
                pair: pair.description, timeframe: timeframe,
                hours: collectors.calendar[pair],
                candles: all.map { CandleChart.Candle($0, price) }, shown: shown, averages: averages)
            if picture.files.isEmpty {
                // The prompt needs a row too.
                let text = chart.terminal(
                    columns: size.columns, rows: size.rows - 1, colours: TextStyle.terminal.hasColours)
                Program.write(standardOutput: text)
            }
            try picture.write(chart)
        }
    }

    /// The last candles of the time, and those before them that the averages need, oldest first.
    private func candles(_ reader: any CandleQueries, _ count: Int, averages: [Int]) throws -> [Candle] {
        let time = range.range
        let last = try reader.candles(pair, timeframe, in: time, .last(count), .all)
        guard let first = last.first else { return [] }
        let before = .min..<UTCSeconds(rawValue: first.timestamp)
        return try reader.candles(pair, timeframe, in: before, .last(averages.max() ?? 0), .all) + last
    }
}

extension CandleChart.Candle {
    fileprivate init(_ candle: Candle, _ side: CandleTable.Side) {
        let prices =
            switch side {
            case .bid: candle.bid
            case .ask: candle.ask
            case .mid, .all: candle.mid
            }
        self.init(
            start: UTCSeconds(rawValue: candle.timestamp), prices: prices, volume: candle.tickCount,
            isWhole: candle.isComplete)
    }
}

/// Files that a chart is drawn into.
struct PictureOptions: ParsableArguments {
    @Option(help: "Draws into a PNG file.", completion: .file(extensions: ["png"]))
    var png: String?

    @Option(help: "Draws into an SVG file.", completion: .file(extensions: ["svg"]))
    var svg: String?

    @Option(help: "Writes one HTML page.", completion: .file(extensions: ["html"]))
    var html: String?

    @Option(help: "Pixels of a picture.")
    var width = 1_200

    @Option(help: "The same.")
    var height = 700

    var files: [(path: String, format: PictureFormat)] {
        [(png, PictureFormat.png), (svg, .svg), (html, .html)].compactMap { path, format in path.map { ($0, format) } }
    }

    func validate() throws {
        // In smaller ones the legend runs into the plot.
        guard (800...8_000).contains(width), (500...8_000).contains(height) else {
            throw ValidationError("--width must be 800 to 8,000, --height 500 to 8,000")
        }
    }

    /// Before any work for a picture.
    /// - Throws: `Failure` (69) if one is wanted and gnuplot, which draws it, is not installed.
    func check() throws { if !files.isEmpty { try Gnuplot.check() } }

    func write(_ chart: some Chart) throws {
        for (path, format) in files {
            try chart.write(to: path, format: format, width: width, height: height)
            Program.write(standardOutput: "\(path) written\n")
        }
    }
}
