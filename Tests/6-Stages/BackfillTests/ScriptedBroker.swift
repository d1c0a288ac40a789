import Foundation
import MarketData
import TestKit

/// A broker over plain HTTP of this machine that answers price requests as a test says, and notes what it was asked.
///
/// - Note: While a request waits for its answer, only the server's thread touches it; between requests, only the test's.
final class ScriptedBroker: @unchecked Sendable {
    /// One price request.
    struct Question: Hashable {
        let epic: String
        let first: UTCSeconds
        let last: UTCSeconds
        /// The token that it came with, such as `token-1`.
        let token: String

        /// How many intervals of five minutes.
        var count: Int { Int((last.rawValue - first.rawValue) / 300 + 1) }
    }

    enum Answer {
        /// The candles that it has.
        case candles
        case refused(Int, String)
        /// A body that is no prices.
        case nonsense
    }

    /// To the next price requests, in order; then it gives the candles that it has.
    var answers: [Answer] = []
    /// Called with each price request before it is answered.
    var onQuestion: (Question) -> Void = { _ in }
    /// Intervals without a candle, by their starts.
    var quiet: Set<UTCSeconds> = []
    var remaining = 100
    /// Of the account, from UTC.
    var hours: Int64 = 0
    /// The `Date` of a login's answer.
    var date: String?
    /// Requests a minute; `nil`: it does not say.
    var perMinute: Int?
    /// What logins are refused with.
    var loginRefusal: (status: Int, code: String)?
    private(set) var questions: [Question] = []
    private(set) var logins = 0
    private let line = LoopbackHTTP()

    init() { line.answer = { [unowned self] in answer($0) } }

    var url: String { "http://127.0.0.1:\(line.port)/gateway/deal" }

    private func answer(_ request: LoopbackHTTP.Request) -> LoopbackHTTP.Answer? {
        let path = request.uri.prefix { $0 != "?" }
        if path.hasSuffix("/session") { return login() }
        if path.hasSuffix("/operations/application") { return limits() }
        return question(request).map(prices) ?? refusal(404, "error.test.unknown")
    }

    private func refusal(_ status: Int, _ code: String) -> LoopbackHTTP.Answer {
        LoopbackHTTP.Answer(status: status, body: #"{"errorCode":"\#(code)"}"#)
    }

    private func login() -> LoopbackHTTP.Answer {
        logins += 1
        if let (status, code) = loginRefusal { return refusal(status, code) }
        let tokens = [("CST", "token-\(logins)"), ("X-SECURITY-TOKEN", "account-\(logins)")]
        return LoopbackHTTP.Answer(
            headers: tokens + (date.map { [("Date", $0)] } ?? []),
            body: """
                {"currentAccountId":"A1","lightstreamerEndpoint":"http://127.0.0.1:1","timezoneOffset":\(hours)}
                """)
    }

    private func limits() -> LoopbackHTTP.Answer {
        guard let perMinute else { return refusal(404, "error.test.unknown") }
        return LoopbackHTTP.Answer(
            body: """
                [{"apiKey":"k","concurrentSubscriptionsLimit":40,"allowanceAccountOverall":\(perMinute),\
                "allowanceApplicationOverall":60,"allowanceAccountHistoricalData":10000}]
                """)
    }

    private func question(_ request: LoopbackHTTP.Request) -> Question? {
        guard let parts = URLComponents(string: request.uri), let epic = parts.path.split(separator: "/").last else {
            return nil
        }
        func second(_ name: String) -> UTCSeconds? {
            let text = parts.queryItems?.first { $0.name == name }?.value
            return text.flatMap { UTCNanos(text: $0)?.seconds }.map { $0 - hours * 3_600 }
        }
        guard let first = second("from"), let end = second("to") else { return nil }
        return Question(
            epic: String(epic), first: first, last: Timeframe.fiveMinutes.start(of: end),
            token: request.headers["cst"] ?? "")
    }

    private func prices(_ question: Question) -> LoopbackHTTP.Answer {
        questions.append(question)
        onQuestion(question)
        switch answers.isEmpty ? .candles : answers.removeFirst() {
        case .refused(let status, let code): return refusal(status, code)
        case .nonsense: return LoopbackHTTP.Answer(body: "{}")
        case .candles:
            let starts = Timeframe.fiveMinutes.starts(in: question.first..<(question.last + 300)).filter {
                !quiet.contains($0)
            }
            remaining -= starts.count
            let rows = starts.map(row).joined(separator: ",")
            return LoopbackHTTP.Answer(
                body: """
                    {"prices":[\(rows)],"metadata":{"allowance":{"remainingAllowance":\(remaining),\
                    "totalAllowance":100,"allowanceExpiry":86400},"pageData":{"totalPages":1}}}
                    """)
        }
    }

    private func row(_ start: UTCSeconds) -> String {
        let utc = start.text(separator: "T")
        let local = (start + hours * 3_600).text(separator: "T")
        let sides = ["open", "high", "low", "close"].map { #""\#($0)Price":{"bid":1.1,"ask":1.2}"# }
        return """
            {"snapshotTime":"\(local)","snapshotTimeUTC":"\(utc)",\(sides.joined(separator: ",")),"lastTradedVolume":7}
            """
    }
}
