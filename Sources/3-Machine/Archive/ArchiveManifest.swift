internal import FoundationEssentials
public import Host
public import Wire

/// Some closed segments of a stream in the archive: a line of the stream's manifest. Source: docs/formats.md § 10.
public struct ArchiveBatch: Codable, Hashable, Sendable {
    public let format: String
    public let stream: String
    /// Of its first segment.
    public let firstPosition: UInt64
    /// Of its last record; without one that of the batch before.
    public let lastPosition: UInt64
    /// The rows of its files together.
    public let records: Int
    /// The least and the greatest time (offset 24) of its records, ns; 0 without one above 0.
    public let firstTime: Int64
    public let lastTime: Int64
    public let segments: [Segment]
    public let files: [File]
    /// What of its segments is no whole record at its place; `nil` if everything is.
    public let damage: Damage?

    public struct Segment: Codable, Hashable, Sendable {
        public let firstPosition: UInt64
        /// Slots for records, whole or not.
        public let slots: Int
        /// Of the file.
        public let bytes: Int
        public let crc32c: String
    }

    public struct File: Codable, Hashable, Sendable {
        /// From the archive's folder on.
        public let path: String
        public let rows: Int
        public let firstPosition: UInt64
        public let lastPosition: UInt64
        /// The least and the greatest time, ns; 0 without one above 0.
        public let firstTime: Int64
        public let lastTime: Int64
        public let bytes: Int
        public let crc32c: String
    }

    public struct Damage: Codable, Hashable, Sendable {
        public let path: String
        public let bytes: Int
        public let crc32c: String
    }

    /// The sizes of its files together.
    public var bytes: Int { files.reduce(damage?.bytes ?? 0) { $0 + $1.bytes } }
    /// The paths of all its files.
    public var paths: [String] { files.map(\.path) + (damage.map { [$0.path] } ?? []) }
    /// Slots of its segments that hold no whole record of their position.
    public var damagedRecords: Int { segments.reduce(0) { $0 + $1.slots } - records }
    /// Positions from its first to its last that no record has: damaged, or skipped by the writer.
    var missingPositions: UInt64 {
        max(lastPosition + 1, firstPosition + UInt64(records)) - firstPosition - UInt64(records)
    }
}

extension ArchiveBatch.File {
    /// The pair whose ticks it holds; `nil` for files of all pairs.
    public var pair: String? { part("pair=") }
    /// The UTC day, such as `2026-11-23`.
    public var date: String { part("date=") ?? "" }

    private func part(_ key: String) -> String? {
        path.split(separator: "/").first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) }
    }
}

/// The batches of a stream in the archive, oldest first: a file to which only lines are added. A batch counts from the
/// moment on when its line is on the disk.
public struct ArchiveManifest: Sendable {
    public let path: String
    public let batches: [ArchiveBatch]
    /// The bytes of its whole lines.
    let byteCount: Int
    /// What follows them.
    let end: End

    enum End: Hashable, Sendable {
        case sound
        /// A part of a line that was being written when the process ended: its batch does not count.
        case torn
        /// The last line is whole but for its end, which is missing or damaged: its batch counts.
        case open
    }

    /// The last position that the archive has taken; 0 for none.
    public var lastPosition: UInt64 { batches.last?.lastPosition ?? 0 }

    static func path(_ stream: Stream, _ paths: Paths) -> String {
        "\(paths.archive)/manifest/\(stream.rawValue).jsonl"
    }

    /// Reads the manifest; without a file there is no batch.
    /// - Throws: `Failure` (65) that names file and line if a line is damaged, (74).
    public init(_ stream: Stream, _ paths: Paths) throws {
        path = ArchiveManifest.path(stream, paths)
        let file = try ReadFile(path)
        let bytes = try file.map { try $0.bytes(0..<$0.byteCount) } ?? []
        let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let tail = Array(bytes[whole...])
        let last = [tail, tail.dropLast()].first { (try? ArchiveManifest.batch($0)) != nil } ?? []
        byteCount = whole + last.count
        end = tail.isEmpty ? .sound : last.isEmpty ? .torn : .open
        var batches: [ArchiveBatch] = []
        for (index, line) in bytes[..<byteCount].split(separator: UInt8(ascii: "\n")).enumerated() {
            do {
                let batch = try ArchiveManifest.batch(Array(line))
                try ArchiveManifest.expect(batch, stream, after: batches.last)
                batches.append(batch)
            } catch {
                throw Failure(.badData, "\(path) is damaged in line \(index + 1): \(error)")
            }
        }
        self.batches = batches
    }

    /// The first batch that has a position or a later one.
    func batch(reaching position: UInt64) -> ArchiveBatch? {
        var (low, high) = (0, batches.count)
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].lastPosition < position { low = middle + 1 } else { high = middle }
        }
        return low < batches.count ? batches[low] : nil
    }

    private static func expect(_ batch: ArchiveBatch, _ stream: Stream, after last: ArchiveBatch?) throws {
        guard batch.format == RecordLayout.format, batch.stream == stream.rawValue else {
            throw ArchiveDamage("it is of '\(batch.format)' and '\(batch.stream)', not of this program and stream")
        }
        guard batch.firstPosition > last?.segments.last?.firstPosition ?? 0, !batch.segments.isEmpty,
            batch.lastPosition >= last?.lastPosition ?? 0
        else { throw ArchiveDamage("its positions do not follow those of the line before") }
    }

    /// Its lines are on the disk: the run that wrote the last one may have ended before it was.
    func sync() throws {
        guard Files.exists(path) else { return }
        try Files.sync(path)
        try Files.sync(parentFolder(of: path))
    }

    /// Cuts off what is no whole line, and ends the last one.
    func mend() throws {
        guard end != .sound else { return }
        try Files.cut(path, to: byteCount)
        if end == .open { try Files.append([UInt8(ascii: "\n")], to: path, durably: true) }
    }

    private static let sumKey = ",\"line_crc32c\":\""

    /// A batch as a line, with a checksum of all before it as the last key, and the line's end.
    static func line(_ batch: ArchiveBatch) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = Array(try encoder.encode(batch)).dropLast()
        return body + Array("\(sumKey)\(hexadecimal(body.withUnsafeBytes { checksum(of: $0) }))\"}\n".utf8)
    }

    /// - Parameter line: without its end.
    static func batch(_ line: [UInt8]) throws -> ArchiveBatch {
        let end = sumKey.utf8.count + 10
        guard line.count > end else { throw ArchiveDamage("it is too short") }
        let body = line.dropLast(end)
        let expected = "\(sumKey)\(hexadecimal(body.withUnsafeBytes { checksum(of: $0) }))\"}"
        guard Array(line.suffix(end)) == Array(expected.utf8) else { throw ArchiveDamage("its checksum is wrong") }
        return try JSONDecoder().decode(ArchiveBatch.self, from: Data(line))
    }
}

/// Eight hexadecimal digits.
func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}
