internal import Store
internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData

struct CandlesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candles",
        abstract: "Shows the last candles of a pair.",
        discussion: """
            Oldest first. Includes partial candles, with their missing time; bots should
            read the view 'candles', which holds complete candles only. The time is the
            start of the interval, UTC.

            EXAMPLES
              candlewick candles EUR_USD 5m
              candlewick candles EURUSD 15 --last 200 --format csv --price all
            """)

    @Argument(help: "The pair: EUR_USD, EURUSD or EUR/USD.")
    var pair: Pair

    @Argument(help: "The timeframe: 5, 5m, 15m, 1h.")
    var timeframe: Timeframe

    @Option(help: "How many.")
    var last = 20

    @Option(help: "table, csv or json.")
    var format: CandleTable.Format?

    @Flag(help: "Same as --format json.")
    var json = false

    @Option(help: "mid, bid, ask or all.")
    var price = CandleTable.Side.mid

    @Flag(help: "Complete candles only.")
    var complete = false

    func validate() throws {
        guard (1...10_000_000).contains(last) else { throw ValidationError("--last must be 1 to 10,000,000") }
        guard !json || format ?? .json == .json else {
            throw ValidationError("--json and --format \(format?.rawValue ?? "") exclude each other")
        }
    }

    func run() {
        read { reader in
            let candles = try reader.last(last, pair, timeframe, complete ? .complete : .all)
            let format = json ? .json : format ?? .table
            if candles.isEmpty, format == .table {
                throw Failure(.unavailable, "\(reader.path) holds no \(timeframe) candles of \(pair)")
            }
            let table = CandleTable(candles, pair: pair, timeframe: timeframe, side: price)
            Program.write(standardOutput: table.text(format))
        }
    }
}
