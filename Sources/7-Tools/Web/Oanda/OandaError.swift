internal import HTTPService
internal import Host
internal import MarketData
internal import Synchronization

/// OANDA's own sentences, since bots compare them.
extension WebError {
    /// - Parameter reason: what would be right; OANDA puts such a sentence behind its own too.
    static func invalid(_ name: String, _ reason: String? = nil) -> WebError {
        badRequest("Invalid value specified for '\(name)'" + (reason.map { ". \($0)" } ?? ""))
    }

    static let countExceeded = badRequest("Maximum value for 'count' exceeded")
    static let countWithRange = badRequest("'count' cannot be specified when 'to' and 'from' parameters are set")
}

extension HTTPResponse {
    /// - Parameter json: one JSON value.
    static func oanda(_ json: JSONText, status: Int = 200) -> HTTPResponse {
        var json = json
        return HTTPResponse(
            status, contentType: "application/json", headers: [("RequestID", RequestNumber.next())], body: json.bytes)
    }
}

/// What distinguishes answers, as OANDA's header `RequestID` does.
private enum RequestNumber {
    private static let last = Atomic<Int64>(0)

    /// Larger than all before it, also over a restart.
    static func next() -> String {
        let now = Clock.system.now().rawValue
        while true {
            let former = last.load(ordering: .relaxed)
            let number = max(former + 1, now)
            if last.compareExchange(expected: former, desired: number, ordering: .relaxed).exchanged {
                return String(number)
            }
        }
    }
}
