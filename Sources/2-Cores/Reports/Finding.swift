/// The result of one check, and the advice.
public struct Finding: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case ok
        /// Works, but deserves a look.
        case warning
        /// Does not work.
        case failed
    }

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

    /// One JSON object in one line, keys sorted.
    public var json: String { encodedJSON(self) }

    /// A line for people, with a second one for the advice.
    /// - Parameter mark: how the state is shown.
    public func text(mark: String) -> String {
        let subject = subject.isEmpty ? "" : " \(subject)"
        return "\(mark)  \(check)\(subject): \(finding)\(advice.isEmpty ? "" : "\n         -> \(advice)")\n"
    }

    /// `ok`, `warning` or `failed` in 7 columns.
    public var stateText: String { state.rawValue + String(repeating: " ", count: 7 - state.rawValue.count) }
}
