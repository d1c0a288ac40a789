/// A text that must never be seen: a password, a key, a session token. Prints as `‹secret›`, also inside
/// other values, in logs and in error texts. `reveal()` is called only if it is sent to the broker.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    public init(_ text: String) { self.text = text }

    public func reveal() -> String { text }

    public var description: String { "‹secret›" }
    public var debugDescription: String { "‹secret›" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
