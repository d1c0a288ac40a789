internal import Foundation

/// What `ingest-stream --check` says of one thing: one line.
struct Finding: Hashable, Sendable {
    enum State: String, Sendable { case ok, warning, failed }

    /// `credentials`, `login`, `rest`, `clock`, `market` or `stream`.
    let check: String
    /// An epic, an address, a variable.
    let subject: String
    let state: State
    let finding: String
    /// What to do about it; empty where nothing need be done.
    let advice: String

    init(_ check: String, _ subject: String, _ state: State, _ finding: String, advice: String = "") {
        (self.check, self.subject, self.state, self.finding, self.advice) = (check, subject, state, finding, advice)
    }

    /// For people.
    var line: String {
        let head = [state.rawValue, check].map { $0.padding(toLength: 11, withPad: " ", startingAt: 0) }.joined()
        return "\(head) \(subject): \(finding)" + (advice.isEmpty ? "" : "; \(advice)")
    }

    /// An object in one line, its members always in this order.
    var json: String {
        let members = [
            ("check", check), ("subject", subject), ("state", state.rawValue), ("finding", finding), ("advice", advice),
        ]
        return "{" + members.map { "\"\($0)\":\(Self.quoted($1))" }.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { preconditionFailure("a text is always JSON") }
        return String(decoding: data, as: UTF8.self)
    }
}
