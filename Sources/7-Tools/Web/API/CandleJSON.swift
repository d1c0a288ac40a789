internal import MarketData
package import Store
internal import Wire

/// Candles as our own interface shows them. Source: docs/http-api.md.
extension JSONText {
    /// What one candle takes, in bytes.
    static let bytesPerCandle = 400

    /// A candle's object.
    package mutating func candle(_ candle: Candle, isDisputed: Bool = false, isForming: Bool = false) {
        begin(.object)
        candleMembers(candle, isDisputed: isDisputed, isForming: isForming)
        end(.object)
    }

    /// Its members alone, in an object that has more.
    package mutating func candleMembers(_ candle: Candle, isDisputed: Bool = false, isForming: Bool = false) {
        key("time")
        integer(candle.timestamp)
        key("bid")
        side(candle.bid)
        key("ask")
        side(candle.ask)
        key("mid")
        side(candle.mid)
        key("ticks")
        integer(candle.tickCount)
        key("complete")
        bool(candle.isComplete && !isForming)
        key("source")
        string(candle.source.name)
        key("revision")
        integer(candle.revision)
        key("blindMilliseconds")
        integer(candle.blindMilliseconds)
        key("lostUpdates")
        integer(candle.lostUpdates)
        key("disputed")
        bool(isDisputed)
        key("forming")
        bool(isForming)
    }

    /// `[open, high, low, close]`; null if no tick had the side.
    private mutating func side(_ side: OHLC) {
        side == .zero ? null() : prices(side)
    }
}
