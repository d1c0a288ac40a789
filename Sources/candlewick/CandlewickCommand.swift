public import ArgumentParser
internal import Host
public import Inspection
public import MarketData
internal import Store

@main
struct CandlewickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick",
        abstract: "Looks at the tick-to-candle pipeline and at what it stored.",
        discussion: """
            Reads the database and listens to the stages; changes nothing but with 'journal repair'. Finds both by
            CANDLEWICK_STATE_DIR, CANDLEWICK_DATABASE and CANDLEWICK_RUNTIME_DIR, as the stages do.
            """,
        version: Stage.version,
        subcommands: [CandlesCommand.self, StatusCommand.self, TopCommand.self, JournalCommand.self])
}

extension Pair: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Timeframe: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension CandleTable.Format: ExpressibleByArgument {}
extension CandleTable.Side: ExpressibleByArgument {}

struct CandlesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candles",
        abstract: "Shows the last candles of a pair.",
        discussion: """
            Oldest first. Partial candles are shown too, with what is missing; bots should read the view
            'candles', which holds the complete ones only. Times are UTC, the start of the interval.

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
    var format = CandleTable.Format.table

    @Option(help: "mid, bid, ask or all.")
    var price = CandleTable.Side.mid

    func validate() throws {
        guard (1...10_000_000).contains(last) else { throw ValidationError("--last must be 1 to 10,000,000") }
    }

    func run() {
        Stage.run("candlewick") { _ in
            let paths = try Paths(environment: .process)
            let candles = try CandleReader(path: paths.database).last(last, pair, timeframe)
            if candles.isEmpty, format == .table {
                throw Failure(.unavailable, "no \(timeframe) candles of \(pair) in \(paths.database)")
            }
            let table = CandleTable(candles, pair: pair, timeframe: timeframe, side: price)
            Stage.write(standardOutput: table.text(format))
        }
    }
}

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows stages, feed and stored candles.",
        discussion: """
            The continuity counts what the database keeps of the feed: sessions (recovered ones missed
            nothing, replaced ones left a hole), updates that the broker declared lost, and the holes, by
            feed time.

            Listens to the stages for up to two seconds. Exit code 0 where all of them answered, 69 where one
            is down or there is no database. With --stored it asks the database only: one line, and exit code
            69 where no candle is stored.
            """)

    @Flag(help: "One JSON object instead of tables.")
    var json = false

    @Flag(help: "Only how many candles the database holds.")
    var stored = false

    func validate() throws {
        guard !(json && stored) else { throw ValidationError("--json and --stored exclude each other") }
    }

    func run() {
        Stage.run("candlewick") { _ in
            let paths = try Paths(environment: .process)
            if stored { return try reportStored(paths) }
            let stages = try StageStatus.collect(paths: paths, milliseconds: 2_000, clock: .system)
            let reader = try CandleReader(path: paths.database)
            let report = StatusReport(
                stages: stages, freshness: try reader.freshness(), events: try reader.events(last: 5),
                continuity: try reader.continuity(), paths: paths)
            Stage.write(standardOutput: json ? report.json : report.text)
            let down = stages.filter { $0.json == nil }.map(\.stage)
            if !down.isEmpty { throw Failure(.unavailable, "not running: \(down.joined(separator: ", "))") }
        }
    }

    private func reportStored(_ paths: Paths) throws {
        let freshness = try CandleReader(path: paths.database).freshness()
        let count = freshness.reduce(0) { $0 + $1.count }
        let pairs = Set(freshness.map(\.pair)).count
        guard count > 0 else { throw Failure(.unavailable, "no candle stored in \(paths.database)") }
        Stage.write(standardOutput: "\(count) candles of \(pairs) pairs stored in \(paths.database)\n")
    }
}
