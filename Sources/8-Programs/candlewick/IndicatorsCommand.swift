internal import ArgumentParser
internal import Engines
internal import Host
internal import Inspection
internal import Settings
internal import Store

struct IndicatorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "indicators",
        abstract: "Shows which indicators have enough candles.",
        discussion: """
            Counts the unbroken run of complete candles up to the newest one, and compares
            it with the number that each indicator needs in its usual setting. Smoothed
            indicators (RSI, ADX, ATR) are defined from that number on, and settle with
            some times as many.

            EXAMPLES
              candlewick indicators
              candlewick indicators GBP_USD -t 15m --json
            """)

    @OptionGroup var series: SeriesOptions
    @OptionGroup var output: OutputOptions

    func run() {
        look { (paths: Paths, collectors: Collectors) in
            output.show(
                try IndicatorsReport(
                    try storeEngine.openReader(paths), pairs: series.pairs, timeframe: series.timeframe,
                    calendar: collectors.calendar))
        }
    }
}
