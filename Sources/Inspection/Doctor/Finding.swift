/// What the doctor found of one thing, and what to do about it.
public struct Finding: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case ok
        /// Works, but deserves a look.
        case warning
        /// Does not work.
        case failed
    }

    /// What was looked at, in a word.
    public let check: String
    /// Which one of them: a path, a stage, an epic; may be empty.
    public let subject: String
    public let state: State
    public let finding: String
    /// What to do; empty where nothing is.
    public let advice: String

    /// - Parameter subject: empty where there is only one of it.
    init(_ check: String, _ subject: String, _ state: State, _ finding: String, _ advice: String = "") {
        (self.check, self.subject, self.state, self.finding, self.advice) = (check, subject, state, finding, advice)
    }
}
