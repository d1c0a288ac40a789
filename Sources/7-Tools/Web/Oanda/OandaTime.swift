internal import HTTPService
internal import MarketData

/// How a client wants moments written: its header `Accept-Datetime-Format`. Both forms are read, whatever it says.
///
/// Source: OANDA v20, "Primitives", `DateTime` and `AcceptDatetimeFormat`.
enum OandaTime: String, Sendable {
    /// `2016-10-17T19:35:00.000000000Z`
    case rfc3339 = "RFC3339"
    /// `1476732900.000000000`
    case unix = "UNIX"

    /// - Throws: `WebError` (400) for another form.
    init(_ request: HTTPRequest) throws {
        guard let name = request.header("accept-datetime-format") else {
            self = .rfc3339
            return
        }
        guard let form = OandaTime(rawValue: name.uppercased()) else {
            throw WebError.invalid("Accept-Datetime-Format", "Give RFC3339 or UNIX")
        }
        self = form
    }

    func text(_ moment: UTCNanos) -> String {
        let second = moment.seconds
        let fraction = String(moment.rawValue - UTCNanos(seconds: second).rawValue)
        return whole(second) + "." + String(repeating: "0", count: 9 - fraction.utf8.count) + fraction + end
    }

    func text(_ second: UTCSeconds) -> String { whole(second) + ".000000000" + end }

    private func whole(_ second: UTCSeconds) -> String { self == .unix ? "\(second)" : second.text(separator: "T") }

    private var end: String { self == .unix ? "" : "Z" }
}
