/// Open, high, low and close of one side, or of mid.
@frozen
public struct OHLC: Hashable, Sendable {
    public var open: Price
    public var high: Price
    public var low: Price
    public var close: Price

    @inlinable
    public init(open: Price, high: Price, low: Price, close: Price) {
        self.open = open
        self.high = high
        self.low = low
        self.close = close
    }

    public static let zero = OHLC(
        open: Price(rawValue: 0), high: Price(rawValue: 0), low: Price(rawValue: 0), close: Price(rawValue: 0))

    /// Half of the sum of each of the four prices of bid and ask: exact (`Price.decimalsMax`).
    @inlinable
    public static func mid(bid: OHLC, ask: OHLC) -> OHLC {
        func half(_ part: KeyPath<OHLC, Price>) -> Price {
            Price(rawValue: (bid[keyPath: part].rawValue + ask[keyPath: part].rawValue) / 2)
        }
        return OHLC(open: half(\.open), high: half(\.high), low: half(\.low), close: half(\.close))
    }

    /// Takes the candle that follows in time.
    @inlinable
    public mutating func take(_ next: OHLC) {
        high = max(high, next.high)
        low = min(low, next.low)
        close = next.close
    }

    /// Whether low and high enclose open and close.
    public var isConsistent: Bool { low <= min(open, close) && max(open, close) <= high }
}
