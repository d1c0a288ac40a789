internal import CPlatform

/// The first four bytes of a record, ASCII.
@frozen
public struct RecordKind: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `TICK`: a change of bid or ask.
    @inlinable public static var tick: RecordKind { RecordKind(rawValue: 0x4B43_4954) }
    /// `CLCK`: the feed's time.
    @inlinable public static var clock: RecordKind { RecordKind(rawValue: 0x4B43_4C43) }
    /// `FEED`: an event of the feed, see `FeedEvent`.
    @inlinable public static var feed: RecordKind { RecordKind(rawValue: 0x4445_4546) }
    /// `CNDL`: a candle.
    @inlinable public static var candle: RecordKind { RecordKind(rawValue: 0x4C44_4E43) }
}

/// A fixed-size record that is the same bytes in memory, on the bus and in the journal: it begins with
/// kind (4) and pair (12), has its position at offset 16 and ends with the CRC-32C of all before it.
public protocol StreamRecord: BitwiseCopyable, Sendable {
    var kind: RecordKind { get }
    var position: UInt64 { get set }
    var checksum: UInt32 { get set }
}

extension StreamRecord {
    /// The size of every record of this type, in bytes.
    @inlinable
    public static var byteCount: Int { MemoryLayout<Self>.size }

    /// Gives the record its position and its checksum.
    @inlinable
    public mutating func seal(position: UInt64) {
        self.position = position
        checksum = withUnsafeBytes(of: self) { crc32c($0.baseAddress!, $0.count - 4) }
    }

    /// Reads one record.
    /// - Returns: `nil` unless `bytes` is exactly one record with a valid checksum.
    @inlinable
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount, let base = bytes.baseAddress else { return nil }
        let record = base.loadUnaligned(as: Self.self)
        guard crc32c(base, Self.byteCount - 4) == record.checksum else { return nil }
        self = record
    }

    /// The record's bytes.
    public var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
}

/// CRC-32C of `count` bytes.
@usableFromInline
func crc32c(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt32 { candlewick_crc32c(bytes, count) }
