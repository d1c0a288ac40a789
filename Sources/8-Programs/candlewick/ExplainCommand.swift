internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import Settings

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explains one candle: its origin, its ticks, its history.",
        discussion: """
            Shows the stored candle and the reason for it, the candles of other sources,
            each published revision, the ticks and feed events of the interval, and the
            history requests for it. Ticks and revisions come from archive and journal;
            for an interval older than both it shows what the database has.

            EXAMPLES
              candlewick explain EUR_USD 2026-11-23T14:10
              candlewick explain EUR_USD 2026-11-23T14:10 -t 15m --ticks
            """)

    @Argument(help: "The pair: EUR_USD, EURUSD or EUR/USD.")
    var pair: Pair

    @Argument(help: ArgumentHelp("Any moment of the interval. \(Moment.help)."))
    var time: Moment

    @Option(name: .shortAndLong, help: "The timeframe; default: the smallest configured.")
    var timeframe: Timeframe?

    @Flag(help: "Show every tick of the interval.")
    var ticks = false

    @OptionGroup var output: OutputOptions

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            let timeframe = timeframe ?? collectors.timeframes.first ?? .fiveMinutes
            output.show(
                try Explanation(
                    paths: paths, collectors: collectors, series: Series(pair, timeframe), at: time.time.seconds,
                    showsTicks: ticks))
        }
    }
}
