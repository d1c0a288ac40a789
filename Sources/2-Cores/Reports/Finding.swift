/// The result of one check, and the advice.
public struct Finding: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case ok
        /// Works, but deserves a look.
        case warning
        /// Does not work.
        case failed
    }

    /// Whose it is, if there are several collectors.
    public private(set) var collector: String?
    /// The checked thing, in a word or two.
    public let check: String
    /// Which one of them: a path, a stage, an epic, an address, a variable; empty if there is only one.
    public let subject: String
    public let state: State
    public let finding: String
    /// The advice; empty if nothing need be done.
    public let advice: String

    public init(_ check: String, _ subject: String, _ state: State, _ finding: String, _ advice: String = "") {
        (self.check, self.subject, self.state, self.finding, self.advice) = (check, subject, state, finding, advice)
    }

    /// The same of one of several collectors.
    public func of(_ collector: String?) -> Finding {
        var finding = self
        finding.collector = collector
        return finding
    }

    /// One JSON object in one line, keys sorted.
    public var json: String { encodedJSON(self) }

    /// A line for people, with a second one for the advice.
    /// - Parameter mark: how the state is shown.
    public func text(mark: String) -> String {
        let subject = subject.isEmpty ? "" : " \(subject)"
        let owner = collector.map { "\($0): " } ?? ""
        return "\(mark)  \(owner)\(check)\(subject): \(finding)\(advice.isEmpty ? "" : "\n         -> \(advice)")\n"
    }

    /// `ok`, `warning` or `failed` in 7 columns.
    public var stateText: String { state.rawValue + String(repeating: " ", count: 7 - state.rawValue.count) }
}
