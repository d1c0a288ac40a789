internal import ArgumentParser
internal import CandleReader
internal import Engines
internal import Host
internal import Inspection
internal import MarketData
internal import Store

struct CandlesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candles",
        abstract: "Shows the last candles of a pair.",
        discussion: """
            Oldest first. Includes partial candles, with their missing time; bots should
            read the view 'candles', which holds complete candles only. The time is the
            start of the interval, UTC. With --forming the candle of the present interval
            follows, as far as it has come: never complete, and not in the database.
            With --since it shows all candles from there on, or the last ones of them.

            EXAMPLES
              candlewick candles EUR_USD 5m
              candlewick candles EURUSD 15 --last 200 --format csv --price all
              candlewick candles EUR_USD 5m --last 3 --forming
              candlewick candles EUR_USD 5m --since 2026-11-23T14:00 --until 2026-11-23T15:00
            """)

    @Argument(help: "The pair: EUR_USD, EURUSD or EUR/USD.")
    var pair: Pair

    @Argument(help: "The timeframe: 5, 5m, 15m, 1h.")
    var timeframe: Timeframe

    @Option(help: "How many; default: 20, with --since all.")
    var last: Int?

    @OptionGroup var range: RangeOptions

    @Option(help: "table, csv or json.")
    var format: CandleTable.Format?

    @Flag(help: "Same as --format json.")
    var json = false

    @Option(help: "mid, bid, ask or all.")
    var price = CandleTable.Side.mid

    @Flag(help: "Complete candles only.")
    var complete = false

    @Flag(help: "Also the candle of the present interval, from aggregator.")
    var forming = false

    private static let mostShown = 10_000_000

    func validate() throws {
        if let last, !(1...Self.mostShown).contains(last) {
            throw ValidationError("--last must be 1 to 10,000,000, not \(last)")
        }
        if forming, range.until != nil { throw ValidationError("--forming and --until exclude each other") }
        guard !json || format ?? .json == .json else {
            throw ValidationError("--json and --format \(format?.rawValue ?? "") exclude each other")
        }
    }

    func run() {
        look { paths in
            let reader = try storeEngine.openReader(paths)
            let present = forming ? try FormingCandles(paths: paths, pair: pair).present(pair, timeframe) : nil
            let candles = try reader.candles(
                pair, timeframe, in: range.range, .last(last ?? (range.since == nil ? 20 : Self.mostShown)),
                complete ? .complete : .all)
            let format = json ? .json : format ?? .table
            // It may have closed meanwhile, or be as old as a feed that ended.
            let newest = try reader.latest(pair, timeframe, .all)?.timestamp ?? .min
            let open = present.flatMap { $0.timestamp > newest ? $0 : nil }
            if candles.isEmpty, open == nil, format == .table {
                try KnownPairs(paths).expect([pair])
                throw Failure(.unavailable, "\(reader.path) holds no \(timeframe) candles of \(pair)\(range.words)")
            }
            let table = CandleTable(
                candles, forming: open, pair: pair, timeframe: timeframe, side: price,
                hasSeveral: try reader.collectors().count > 1)
            Program.write(standardOutput: table.text(format))
            if forming, open == nil {
                Program.write(standardError: "candlewick: no tick of \(pair) since the newest candle closed\n")
            }
        }
    }
}
