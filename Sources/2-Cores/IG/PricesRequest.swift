public import MarketData

/// The candles of an epic that start in a stretch of time, `GET /prices/{epic}` version 3. Source: `ig-api` §§ 3.1–3.4.
public struct PricesRequest: Hashable, Sendable {
    public static let version = 3

    public let epic: String
    /// The broker's name of the timeframe, such as `MINUTE_5`.
    public let resolution: String
    /// Starts of the first and the last wanted candle on the account's clock: seconds since 1970 as if that were UTC. Both
    /// ends are included.
    public let from: Int64
    public let to: Int64

    /// - Returns: `nil` for a timeframe that the broker does not sell, and above an hour: a day's candles begin at the
    ///   account's midnight, and of those of several hours it is not known.
    public init?(epic: String, timeframe: Timeframe, from: Int64, to: Int64) {
        guard let resolution = PricesRequest.resolution(of: timeframe) else { return nil }
        (self.epic, self.resolution, self.from, self.to) = (epic, resolution, from, to)
    }

    /// The broker's name of a timeframe.
    public static func resolution(of timeframe: Timeframe) -> String? {
        switch timeframe.minutes {
        case 1: "MINUTE"
        case 2, 3, 5, 10, 15, 30: "MINUTE_\(timeframe.minutes)"
        case 60: "HOUR"
        default: nil
        }
    }

    /// How far back the broker has candles of a timeframe, days. Source: `ig-api` § 3.6.
    public static func depthDays(of timeframe: Timeframe) -> Int64 {
        switch timeframe.minutes {
        case ..<5: 40
        case ..<1_440: 360
        default: 15 * 365
        }
    }

    /// Everything on one page: without `pageSize` there are 20 rows, whatever is asked for.
    public var path: String {
        let dates = [from, to].map { UTCSeconds(rawValue: $0).text(separator: "T") }
        return "/prices/\(epic)?resolution=\(resolution)&from=\(dates[0])&to=\(dates[1])&pageSize=0"
    }
}
