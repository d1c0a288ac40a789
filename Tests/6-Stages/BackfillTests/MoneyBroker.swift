import TestKit
import Foundation
import Logging
import MarketData
@testable import Simulation

/// The simulator's REST side with its own allowance, over plain HTTP of this machine, and what it was paid for.
///
/// - Note: While a request waits for its answer, only the server's thread touches it; between runs, only the test's.
final class MoneyBroker: @unchecked Sendable {
    /// One answer that was paid.
    struct Payment {
        let pair: Pair
        let starts: [UTCSeconds]
        let remaining: Int
        /// The answer did not come.
        let isLost: Bool
    }

    let market: Market
    let server: RESTServer
    /// Called with each payment, before its answer goes out; true: the client is dead from now on.
    var onPayment: (Payment) -> Bool = { _ in false }
    /// Nothing is answered, nothing is paid.
    var isDead = false
    /// Monotonic time of the broker, nanoseconds.
    var now: Int64 = 0
    var port: UInt16 { line.port }
    private let line = LoopbackHTTP()

    /// - Parameter ticks: of each pair.
    init(_ ticks: [Pair: [MarketTick]], points: Int, start: Int64, end: Int64) {
        let pairs = ticks.sorted { $0.key < $1.key }.map { PairMarket(pair: $0, source: FileTicks($1)) }
        market = Market(
            pairs: pairs, start: start * UTCNanos.perSecond, end: end * UTCNanos.perSecond, awaited: [])
        market.start(subscribed: Set(ticks.keys))
        var settings = RESTSettings()
        (settings.points, settings.accountPerMinute, settings.keyPerMinute) = (points, nil, nil)
        server = RESTServer(
            accounts: Accounts(credentials: .init(), seed: 1), market: market, settings: settings,
            logger: quietLogger(), admin: { _ in nil })
        line.answer = { [unowned self] in answer($0) }
    }

    var remaining: Int { server.allowances[0].remaining }

    /// Lets the market run up to a moment, Unix seconds.
    func step(until second: Int64) { _ = market.step(until: second * UTCNanos.perSecond, budget: .max) }

    private func answer(_ asked: LoopbackHTTP.Request) -> LoopbackHTTP.Answer? {
        guard !isDead else { return nil }
        let request = RESTRequest(
            method: asked.method, uri: asked.uri, headers: asked.headers, body: Array(asked.body.utf8))
        let before = remaining
        let reply = server.reply(to: request, now: now)
        if remaining < before, let payment = payment(request, reply), onPayment(payment) { isDead = true }
        guard !reply.isLost, !isDead else { return nil }
        return LoopbackHTTP.Answer(
            status: reply.status, headers: [("Date", date)] + reply.headers.map { ($0.name, $0.value) },
            body: reply.body?.text ?? "")
    }

    private var date: String {
        let format = DateFormatter()
        (format.locale, format.timeZone) = (Locale(identifier: "en_US_POSIX"), TimeZone(identifier: "GMT"))
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.string(from: Date(timeIntervalSince1970: Double(market.second)))
    }

    private func payment(_ request: RESTRequest, _ reply: RESTReply) -> Payment? {
        guard case .array(let rows)? = reply.body?["prices"],
            let pair = request.path.split(separator: "/").last.flatMap({ server.listed(String($0)) })?.0.pair
        else { return nil }
        let starts = rows.compactMap { $0["snapshotTimeUTC"]?.string }.compactMap { UTCNanos(text: $0)?.seconds }
        return Payment(pair: pair, starts: starts, remaining: remaining, isLost: reply.isLost)
    }
}
