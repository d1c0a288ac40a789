internal import FoundationEssentials
public import MarketData

/// Historical prices, of all three versions. Source: `ig-api` § 3.3.
public struct PricesReply: Hashable, Sendable {
    /// One candle.
    public struct Row: Hashable, Sendable {
        /// The interval's start; `nil` in versions 1 and 2, which give only the local time.
        public let start: UTCSeconds?
        /// The interval's start on the account's clock: seconds since 1970 as if that were UTC.
        public let localStart: Int64
        /// `nil` if any of its four prices is missing or invalid.
        public let bid: OHLC?
        public let ask: OHLC?
        /// Ticks, in currencies.
        public let volume: Int?
    }

    /// The remaining allowance.
    public struct Allowance: Hashable, Sendable {
        public let remaining: Int
        public let total: Int
        /// Seconds until it is given anew; `nil` where that cannot be.
        public let expiry: Int?
    }

    /// Oldest first.
    public let rows: [Row]
    public let allowance: Allowance?
    /// How many pages of version 3 there are; 1 without pages, 0 without rows.
    public let pageCount: Int

    /// - Parameter pointShift: by how many decimal places the instrument's prices are shifted (`Instrument.pointShift`).
    /// - Returns: `nil` if the body is not that of prices, or holds an invalid time.
    public init?(body: [UInt8], pointShift: Int = 0) {
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(withoutMark(body))),
            let rows = try? message.prices.map({ try Row($0, pointShift) })
        else { return nil }
        self.rows = rows
        let told = message.allowance ?? message.metadata?.allowance
        allowance = told.flatMap(Allowance.init)
        pageCount = message.metadata?.pageData?.totalPages ?? 1
    }
}

extension PricesReply.Row {
    fileprivate init(_ candle: Message.Candle, _ pointShift: Int) throws(Unreadable) {
        let prices = [candle.openPrice, candle.highPrice, candle.lowPrice, candle.closePrice]
        var utc: UTCSeconds?
        if let text = candle.snapshotTimeUTC { utc = UTCSeconds(rawValue: try seconds(of: text)) }
        self.init(
            start: utc, localStart: try seconds(of: candle.snapshotTime),
            bid: OHLC(prices.map { $0?.bid }, pointShift), ask: OHLC(prices.map { $0?.ask }, pointShift),
            volume: candle.lastTradedVolume.flatMap { Int(exactly: $0.rounded()) })
    }
}

extension PricesReply.Allowance {
    /// More than any broker gives, and far from overflow.
    private static let pointsMax = 1_000_000_000
    private static let expiryMax = 30 * 86_400

    fileprivate init?(_ told: Message.Allowance) {
        guard let remaining = told.remainingAllowance, let total = told.totalAllowance else { return nil }
        let most = min(max(total, 0), Self.pointsMax)
        self.init(
            remaining: min(max(remaining, 0), most), total: most,
            expiry: told.allowanceExpiry.flatMap { (1...Self.expiryMax).contains($0) ? $0 : nil })
    }
}

extension OHLC {
    /// - Returns: `nil` where one is missing, or is no price.
    fileprivate init?(_ values: [Decimal?], _ pointShift: Int) {
        // The reply gives a decimal with all its digits: exact.
        let prices = values.compactMap { $0.flatMap { Price($0.description, pointShift: pointShift) } }
        guard prices.count == 4, prices.allSatisfy({ $0.rawValue > 0 }) else { return nil }
        self.init(open: prices[0], high: prices[1], low: prices[2], close: prices[3])
    }
}

/// An invalid time.
private struct Unreadable: Error {}

/// What the JSON says, by its names.
private struct Message: Decodable {
    struct Sides: Decodable {
        let bid: Decimal?
        let ask: Decimal?
    }

    struct Candle: Decodable {
        let snapshotTime: String
        let snapshotTimeUTC: String?
        let openPrice: Sides?
        let highPrice: Sides?
        let lowPrice: Sides?
        let closePrice: Sides?
        let lastTradedVolume: Double?
    }

    struct Allowance: Decodable {
        let remainingAllowance: Int?
        let totalAllowance: Int?
        let allowanceExpiry: Int?
    }

    struct PageData: Decodable {
        let totalPages: Int
    }

    struct Metadata: Decodable {
        let allowance: Allowance?
        let pageData: PageData?
    }

    let prices: [Candle]
    let allowance: Allowance?
    let metadata: Metadata?
}

/// Reads `2021/10/13 09:06:00`, `2021-10-13T07:06:00` and `2020:09:01-05:00:00`: the digits' places are the same.
private func seconds(of text: String) throws(Unreadable) -> Int64 {
    let bytes = Array(text.utf8)
    guard bytes.count == 19 else { throw Unreadable() }
    let fields = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19].compactMap {
        Int64(String(decoding: bytes[$0], as: UTF8.self))
    }
    guard fields.count == 6, (1970...2200).contains(fields[0]),
        let date = CivilDate(year: fields[0], month: fields[1], day: fields[2]),
        (0..<24).contains(fields[3]), (0..<60).contains(fields[4]), (0..<60).contains(fields[5])
    else { throw Unreadable() }
    return date.daysSince1970 * 86_400 + fields[3] * 3_600 + fields[4] * 60 + fields[5]
}
