import MarketData
import Store
import StoreWriting
import Streams
import TestKit

extension StageWorld {
    func storeWriter(_ store: any CandleWriter) throws -> StoreWriter {
        try StoreWriter(
            paths: paths, configuration: configuration, store: store, bus: bus, service: try service(),
            clock: clock.clock, logger: logger)
    }
}

/// Appends candles of intervals that follow each other, and publishes them.
func write(_ count: Int64, from first: Int64 = 1, _ candles: StreamWriter) throws {
    for place in first..<(first + count) { try candles.append(Make.candle(UTCSeconds(rawValue: place * 300))) }
    try candles.commit()
}
