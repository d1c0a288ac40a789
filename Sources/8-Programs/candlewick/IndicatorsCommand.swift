internal import ArgumentParser
internal import Inspection

struct IndicatorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "indicators",
        abstract: "Says which indicators have enough candles.",
        discussion: """
            Counts the complete candles up to the newest one without a gap among them, and
            compares with what the newest value of each indicator needs in its usual
            setting. Indicators that are smoothed (RSI, ADX, ATR) are defined from then on
            and settle with some times as many.

            EXAMPLES
              candlewick indicators
              candlewick indicators GBP_USD -t 15m --json
            """)

    @OptionGroup var series: SeriesOptions
    @OptionGroup var output: OutputOptions

    func run() {
        read { output.show(try IndicatorsReport($0, pairs: series.pairs, timeframe: series.timeframe)) }
    }
}
