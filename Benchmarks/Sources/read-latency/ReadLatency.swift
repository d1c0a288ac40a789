import CandleReader
import MarketData

/// Times the last candles of random pairs, each query for itself: read-latency DATABASE COUNT QUERIES.
/// Prints the latencies in ns, one a line.
@main
enum ReadLatency {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[2]), let queries = Int(arguments[3]) else {
            print("usage: read-latency DATABASE COUNT QUERIES")
            return
        }
        let reader = try CandleReader(path: arguments[1])
        let series = try reader.series()
        let clock = ContinuousClock()
        for query in 0..<(queries + 100) {
            let chosen = series[query * 7_919 % series.count]
            var candles: [CandleReader.Candle] = []
            let took = try clock.measure { candles = try reader.last(count, chosen.pair, chosen.timeframe) }
            precondition(candles.count == count)
            // The first ones warm up.
            if query >= 100 { print(took.components.attoseconds / 1_000_000_000) }
        }
    }
}
