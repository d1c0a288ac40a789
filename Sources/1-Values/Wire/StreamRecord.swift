internal import CPlatform
public import MarketData

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
    /// `FORM`: the candle of an interval that is not over.
    @inlinable public static var forming: RecordKind { RecordKind(rawValue: 0x4D52_4F46) }
    /// `EMPT`: the broker was asked and has no candle of the interval.
    @inlinable public static var empty: RecordKind { RecordKind(rawValue: 0x5450_4D45) }
    /// `PART`: a stored candle, recorded again as a part of a larger one.
    @inlinable public static var part: RecordKind { RecordKind(rawValue: 0x5452_4150) }
    /// `RQST`: history is asked for, see `HistoryRequest`.
    @inlinable public static var request: RecordKind { RecordKind(rawValue: 0x5453_5152) }
    /// `RPLY`: what came of it, see `HistoryReply`.
    @inlinable public static var reply: RecordKind { RecordKind(rawValue: 0x594C_5052) }

    /// The four letters.
    public var name: String {
        String(decoding: withUnsafeBytes(of: rawValue.littleEndian) { Array($0) }, as: UTF8.self)
    }

    /// The topic of the records of this kind, of one pair or of all: with the NULs behind the name, since the name `DE40`
    /// is also the beginning of `DE40X`.
    public func topic(of pair: Pair?) -> String { name + String(decoding: pair?.bytes ?? [], as: UTF8.self) }
}

/// A record of one kind, of fixed size, that is the same bytes in memory, on the bus and in the journal: it begins with
/// kind (4) and pair (12), has its position at offset 16 and ends with the CRC-32C of all before it.
public protocol StreamRecord: BitwiseCopyable, Sendable {
    /// The common fields of a stream's records.
    associatedtype Envelope: StreamEnvelope
    /// The record as one of its stream.
    var envelope: Envelope { get set }
}

extension StreamRecord {
    /// The size of every record of the stream, in bytes.
    @inlinable
    public static var byteCount: Int { MemoryLayout<Self>.size }

    /// Of the stream, from 1, never given twice; 0 before it is appended.
    @inlinable
    public var position: UInt64 {
        get { envelope.position }
        set { envelope.position = newValue }
    }
    @inlinable public var pair: Pair { envelope.pair }
    /// The record's bytes.
    public var bytes: [UInt8] { envelope.bytes }
}

/// Any record of a stream: what all kinds of it have in common. `content` says which kind it is.
public protocol StreamEnvelope: StreamRecord where Envelope == Self {
    /// The kinds of record that the stream has, and `unknown` for those of a later version.
    associatedtype Content
    var kind: RecordKind { get }
    var pair: Pair { get }
    var position: UInt64 { get set }
    var checksum: UInt32 { get set }
    var content: Content { get }
}

extension StreamEnvelope {
    /// Hands out the records of a run of whole ones, in order.
    @inlinable
    public static func forEach(in records: UnsafeRawBufferPointer, _ body: (Self) throws -> Void) rethrows {
        for offset in stride(from: 0, to: records.count, by: byteCount) {
            try body(records.loadUnaligned(fromByteOffset: offset, as: Self.self))
        }
    }

    @inlinable
    public var envelope: Self {
        get { self }
        set { self = newValue }
    }

    /// Reads one record.
    /// - Returns: `nil` unless `bytes` is exactly one record with a valid checksum.
    @inlinable
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount, RecordBytes.isValid(bytes) else { return nil }
        self = bytes.loadUnaligned(as: Self.self)
    }

    /// The record's bytes.
    public var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
}

extension StreamRecord {
    /// Gives the record its position and its checksum.
    public mutating func seal(position: UInt64) {
        withUnsafeMutableBytes(of: &self) { RecordBytes.seal($0, position: position) }
    }
}

/// Records as bytes, of any size: for those who store and forward them without looking inside.
public enum RecordBytes {
    @usableFromInline static var positionOffset: Int { 16 }
    @usableFromInline static var timeOffset: Int { 24 }

    /// The position of a record of at least 24 bytes.
    @inlinable
    public static func position(_ record: UnsafeRawBufferPointer) -> UInt64 {
        record.loadUnaligned(fromByteOffset: positionOffset, as: UInt64.self)
    }

    /// The time at offset 24, ns since 1970: a tick's or event's brokerTime, a candle's start.
    @inlinable
    public static func time(_ record: UnsafeRawBufferPointer) -> Int64 {
        record.loadUnaligned(fromByteOffset: timeOffset, as: Int64.self)
    }

    /// Whether the last four bytes are the checksum of all before them.
    @inlinable
    public static func isValid(_ record: UnsafeRawBufferPointer) -> Bool {
        guard let base = record.baseAddress, record.count > 24 else { return false }
        let body = record.count - 4
        return crc32c(base, body) == record.loadUnaligned(fromByteOffset: body, as: UInt32.self)
    }

    /// Writes position and checksum into a record.
    @inlinable
    public static func seal(_ record: UnsafeMutableRawBufferPointer, position: UInt64) {
        let body = record.count - 4
        record.storeBytes(of: position, toByteOffset: positionOffset, as: UInt64.self)
        record.storeBytes(of: crc32c(UnsafeRawPointer(record.baseAddress!), body), toByteOffset: body, as: UInt32.self)
    }
}

/// CRC-32C of `count` bytes.
@usableFromInline
func crc32c(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt32 { candlewick_crc32c(0, bytes, count) }

/// CRC-32C, the checksum of every record and journal header.
public func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
    bytes.baseAddress.map { crc32c($0, bytes.count) } ?? 0
}

/// CRC-32C of bytes that come in parts.
public struct RunningChecksum: Sendable {
    /// Of all parts so far.
    public private(set) var value: UInt32 = 0

    public init() {}

    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { value = candlewick_crc32c(value, base, bytes.count) }
    }
}
