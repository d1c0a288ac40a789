/// The output of a subcommand: a text for people, one JSON value for programs.
public protocol Report {
    /// Lines, the last one ended too.
    func text(_ style: TextStyle) -> String
    /// One JSON value and a line's end.
    var json: String { get }
}

extension Report where Self: Encodable {
    public var json: String { encodedJSON(self) + "\n" }
}

/// The style of a text for its destination.
public struct TextStyle: Hashable, Sendable {
    public let hasColours: Bool

    public init(hasColours: Bool) { self.hasColours = hasColours }

    public static let plain = TextStyle(hasColours: false)

    /// The meaning of a piece of text.
    public enum Tone: Hashable, Sendable { case plain, heading, bad, good, warning }

    public func painted(_ text: String, _ tone: Tone) -> String {
        guard hasColours, !text.isEmpty else { return text }
        return switch tone {
        case .plain: text
        case .heading: "\u{1B}[1m\(text)\u{1B}[0m"
        case .bad: "\u{1B}[31m\(text)\u{1B}[0m"
        case .good: "\u{1B}[32m\(text)\u{1B}[0m"
        case .warning: "\u{1B}[33m\(text)\u{1B}[0m"
        }
    }
}
