/// An instrument under the broker's own name for it.
public struct Instrument: Hashable, Sendable {
    public let pair: Pair
    /// The broker's name, such as `CS.D.EURUSD.CFD.IP`.
    public let epic: String
    /// Wire price / `scale` = real price: 1 for decimal epics; 10,000 (100 for JPY quotes) for epics in
    /// points. Source: `ig-api` § 6.
    public let scale: Int
    /// How many places the decimal point moves left from wire to price.
    public let pointShift: Int
    /// When it is traded.
    public let hours: TradingHours

    public init(pair: Pair, epic: String, scale: Int = 1, hours: TradingHours = .fx) {
        guard let pointShift = Instrument.pointShifts[scale] else {
            preconditionFailure("scale \(scale) is not a supported power of ten")
        }
        self.pair = pair
        self.epic = epic
        self.scale = scale
        self.pointShift = pointShift
        self.hours = hours
    }

    /// The allowed scales, and how far each moves the decimal point.
    public static let pointShifts: [Int: Int] = [1: 0, 10: 1, 100: 2, 1_000: 3, 10_000: 4, 100_000: 5]
}
