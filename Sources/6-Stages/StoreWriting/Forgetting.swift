internal import MarketData

/// When old rows are deleted, and up to which moment: once an hour, by the earlier of two witnesses. The candles show
/// the market's time, and a broker's clock may be wrong; the host's may be wrong too, and a market's time may differ
/// from it by at most a day before its rows count as ahead. A witness that is behind only makes deletion come later.
struct Forgetting {
    /// 0: never.
    let days: Int
    /// The time of the last deletion.
    private var done = UTCSeconds(rawValue: 0)

    private static let day: Duration = .seconds(86_400)

    init(days: Int) { self.days = days }

    /// - Parameters:
    ///   - newest: start of the newest interval of the last transaction: not of all there ever was, so
    ///     that a wrong one does not stand for the right ones that follow.
    ///   - host: the host's clock.
    /// - Returns: the moment before which all is deleted; `nil` when nothing is due.
    mutating func due(newest: UTCSeconds, host: UTCSeconds) -> UTCSeconds? {
        let now = min(newest, host + Forgetting.day)
        guard days > 0, now >= done + .seconds(3_600) else { return nil }
        done = now
        return now - Forgetting.day * days
    }
}
