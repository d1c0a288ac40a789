/// One field of an item, as the item's state holds it.
@usableFromInline
struct FieldSlot {
    /// `capacity` bytes, of which `count` are the value.
    @usableFromInline var bytes: UnsafeMutableRawPointer
    /// -1: null.
    @usableFromInline var count: Int32
    @usableFromInline var capacity: Int32
    /// Whether the last update sent a value, also an equal one.
    @usableFromInline var isChanged: Bool
    /// Whether the value is the result of a JSON Patch, on which no text diff may follow.
    @usableFromInline var isPatched: Bool
    /// Whether `bytes` was allocated for this field alone.
    @usableFromInline var ownsBytes: Bool
}

/// One update of an item: all its fields after the update, and which of them it sent.
///
/// The bytes are those of the item's state: valid during the call that hands the update out. They are
/// UTF-8 as the server sent it, percent-decoded, and not checked.
@frozen
public struct FieldUpdate {
    /// The caller's number of the subscription.
    public let subscription: Int
    /// The item in the subscription's group, from 1.
    public let item: Int
    /// How many fields there are.
    public let fieldCount: Int
    public let flags: Flags
    @usableFromInline let slots: UnsafePointer<FieldSlot>

    @frozen
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        @inlinable
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The item's state at subscription, not a change. Source: TLCP § Modes.
        @inlinable public static var snapshot: Flags { Flags(rawValue: 1) }
        /// Came in the burst after a recovery: sent before the cut, or while nothing was bound.
        @inlinable public static var recovered: Flags { Flags(rawValue: 2) }
    }

    @inlinable
    init(subscription: Int, item: Int, fieldCount: Int, flags: Flags, slots: UnsafePointer<FieldSlot>) {
        self.subscription = subscription
        self.item = item
        self.fieldCount = fieldCount
        self.flags = flags
        self.slots = slots
    }

    /// The value of a field, counted from 0 in the order of the schema; `nil` is null.
    @inlinable
    public subscript(field: Int) -> UnsafeRawBufferPointer? {
        precondition(field >= 0 && field < fieldCount)
        let slot = slots + field
        let count = Int(slot.pointee.count)
        return count < 0 ? nil : UnsafeRawBufferPointer(start: slot.pointee.bytes, count: count)
    }

    /// Whether this update sent the field.
    @inlinable
    public func isChanged(_ field: Int) -> Bool {
        precondition(field >= 0 && field < fieldCount)
        return slots[field].isChanged
    }

    /// The value as text, for the curious; invalid UTF-8 is repaired.
    public func text(_ field: Int) -> String? { self[field].map { String(decoding: $0, as: UTF8.self) } }
}

/// Why the values of an update are invalid: the item's state is uncertain after any of them.
public enum UpdateError: Error, Hashable, Sendable {
    /// The list of values is shorter or longer than the schema.
    case fieldCount
    /// The first update of an item says "unchanged" or sends a difference.
    case nothingToCompareWith
    /// `^` with something else than a count, `P` or `T` behind it.
    case unknownToken
    /// A difference that does not fit the value.
    case differenceFails
}
