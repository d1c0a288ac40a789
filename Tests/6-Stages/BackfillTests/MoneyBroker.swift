import Foundation
import Glibc
import Logging
import MarketData
@testable import Simulation
import TestKit

/// The simulator's REST side with its own allowance, over plain HTTP of this machine, and what it was paid for.
///
/// - Note: While a request waits for its answer, only the server's thread touches it; between runs, only the test's.
final class MoneyBroker: @unchecked Sendable {
    /// One answer that was paid.
    struct Payment {
        let pair: Pair
        /// Unix seconds.
        let starts: [Int64]
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
    let port: UInt16
    private let listener: Int32

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
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, admin: { _ in nil })
        (listener, port) = listenOnLoopback()
        Thread { [listener, weak self] in
            while case let line = accept(listener, nil, nil), line >= 0 {
                self?.serve(line)
                close(line)
            }
        }.start()
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    var remaining: Int { server.allowance.remaining }

    /// Lets the market run up to a moment, Unix seconds.
    func step(until second: Int64) { _ = market.step(until: second * UTCNanos.perSecond, budget: .max) }

    /// One request; the line closes behind its answer.
    private func serve(_ line: Int32) {
        guard let request = read(line), !isDead else { return }
        let before = remaining
        let reply = server.reply(to: request, now: now)
        if remaining < before, let payment = payment(request, reply), onPayment(payment) { isDead = true }
        guard !reply.isLost, !isDead else { return }
        let body = reply.body?.text ?? ""
        let head = ["HTTP/1.1 \(reply.status) x", "Date: \(date)", "Connection: close"]
        let fields = reply.headers.map { "\($0.name): \($0.value)" } + ["Content-Length: \(body.utf8.count)"]
        let text = (head + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
        _ = send(line, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    private var date: String {
        let format = DateFormatter()
        (format.locale, format.timeZone) = (Locale(identifier: "en_US_POSIX"), TimeZone(identifier: "GMT"))
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.string(from: Date(timeIntervalSince1970: Double(market.second)))
    }

    private func read(_ line: Int32) -> RESTRequest? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
            if parts.count > 1 {
                let lines = parts[0].components(separatedBy: "\r\n")
                let fields = lines.dropFirst().map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
                let headers = Dictionary(
                    fields.filter { $0.count == 2 }.map {
                        ($0[0].lowercased(), $0[1].trimmingCharacters(in: .whitespaces))
                    }
                ) { first, _ in first }
                if parts[1].utf8.count >= Int(headers["content-length"] ?? "0") ?? 0 {
                    let words = lines[0].split(separator: " ").map(String.init)
                    return RESTRequest(method: words[0], uri: words[1], headers: headers, body: Array(parts[1].utf8))
                }
            }
            let count = recv(line, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    private func payment(_ request: RESTRequest, _ reply: RESTReply) -> Payment? {
        guard case .array(let rows)? = reply.body?["prices"],
            let pair = request.path.split(separator: "/").last.flatMap({ server.listed(String($0)) })?.0.pair
        else { return nil }
        let starts = rows.compactMap { $0["snapshotTimeUTC"]?.string }.compactMap { UTCNanos(text: $0)?.seconds }
        return Payment(pair: pair, starts: starts, remaining: remaining, isLost: reply.isLost)
    }
}
