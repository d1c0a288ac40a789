internal import FoundationEssentials

/// The limits that really apply to an API key, `GET /operations/application` version 1. Source: `ig-api` § 5.
public struct ApplicationLimits: Hashable, Sendable {
    public static let path = "/operations/application"
    public static let version = 1

    /// Items on one streaming connection.
    public let subscriptions: Int
    /// Requests that trade nothing, a minute, of the account and of the key.
    public let accountPerMinute: Int
    public let keyPerMinute: Int
    /// Historical points a week.
    public let weeklyPoints: Int

    /// The stricter of both.
    public var perMinute: Int { min(accountPerMinute, keyPerMinute) }

    private struct Application: Decodable {
        let apiKey: String?
        let concurrentSubscriptionsLimit: Int
        let allowanceAccountOverall: Int
        let allowanceApplicationOverall: Int
        let allowanceAccountHistoricalData: Int
    }

    /// - Parameter apiKey: the key of the request: the reply may name several.
    /// - Returns: `nil` if the body does not name the limits of the key.
    public init?(body: [UInt8], apiKey: String) {
        guard let all = try? JSONDecoder().decode([Application].self, from: Data(withoutMark(body))),
            let own = all.first(where: { $0.apiKey == apiKey }) ?? (all.count == 1 ? all[0] : nil)
        else { return nil }
        (subscriptions, weeklyPoints) = (own.concurrentSubscriptionsLimit, own.allowanceAccountHistoricalData)
        (accountPerMinute, keyPerMinute) = (own.allowanceAccountOverall, own.allowanceApplicationOverall)
        guard [subscriptions, weeklyPoints, accountPerMinute, keyPerMinute].allSatisfy({ $0 >= 0 }) else { return nil }
    }
}
