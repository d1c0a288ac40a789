/// Decides what becomes of each record by its position alone, so that a consumer sees every position of
/// the journal exactly once and in order, even if the bus repeats, reorders or loses messages.
public struct Merge: Sendable {
    public enum Verdict: Hashable, Sendable {
        /// The next one: take it.
        case accept
        /// Seen already, from the journal or the bus.
        case duplicate
        /// Positions before it did not come: read them, and this one, from the journal.
        case gap(missing: Range<UInt64>)
    }

    /// The position that comes next.
    public private(set) var next: UInt64

    public init(next: UInt64) { self.next = next }

    /// A record that came live.
    @inlinable
    public mutating func admit(_ position: UInt64) -> Verdict {
        if position == next {
            take()
            return .accept
        }
        return position < next ? .duplicate : .gap(missing: next..<position)
    }

    @usableFromInline
    mutating func take() { next &+= 1 }

    /// The journal was read up to here. It is the truth: positions that it lacks were never given.
    public mutating func replayed(upTo position: UInt64) { next = position }
}
