internal import Host
internal import MarketData
internal import Parquet
internal import Streams
internal import Wire

/// One file of a batch while it is made: records are gathered, then written as a row group.
final class PartWriter {
    /// From the archive's folder on.
    let path: String
    private let place: String
    private let layout: RecordLayout
    private var parquet: ParquetWriter
    private var gathered: [UInt8] = []
    private var sum = RunningChecksum()
    private var rows = 0
    private var written = 0
    private var positions: (first: UInt64, last: UInt64) = (0, 0)
    private var times: (least: Int64, greatest: Int64) = (.max, .min)

    /// - Parameter folder: where `path` begins.
    init(_ layout: RecordLayout, path: String, in folder: String) {
        (self.layout, self.path, place) = (layout, path, "\(folder)/\(path)")
        parquet = ParquetWriter(schema: layout.schema)
    }

    var gatheredBytes: Int { gathered.count }

    func append(_ record: UnsafeRawBufferPointer) {
        let (position, time) = (RecordBytes.position(record), RecordBytes.time(record))
        if rows == 0 { positions.first = position }
        positions.last = position
        // Events before the first heartbeat have none.
        if time > 0 { times = (min(times.least, time), max(times.greatest, time)) }
        rows += 1
        gathered.append(contentsOf: record)
    }

    /// Writes what is gathered as a row group.
    func flush() throws {
        guard !gathered.isEmpty else { return }
        try write(parquet.rowGroup(gathered.withUnsafeBytes { layout.values(of: $0) }))
        gathered.removeAll(keepingCapacity: false)
    }

    /// Writes the rest and the footer.
    func finish() throws -> ArchiveBatch.File {
        try flush()
        try write(parquet.finish())
        return ArchiveBatch.File(
            path: path, rows: rows, firstPosition: positions.first, lastPosition: positions.last,
            firstTime: times.greatest > 0 ? times.least : 0, lastTime: max(0, times.greatest), bytes: written,
            crc32c: hexadecimal(sum.value))
    }

    private func write(_ bytes: [UInt8]) throws {
        try Files.append(bytes, to: place)
        bytes.withUnsafeBytes { sum.add($0) }
        written += bytes.count
    }
}

@available(*, unavailable)
extension PartWriter: Sendable {}

/// Spreads the records of a batch over its files. However many files there are, what is gathered for them stays within
/// bounds, and none stays open.
final class PartWriters {
    private let stream: Stream
    private let folder: String
    private var parts: [Key: PartWriter] = [:]
    private var gathered = 0

    /// For all files together, in bytes; and for one.
    private static var gatheredMax: Int { 24 << 20 }
    private static var gatheredByOneMax: Int { 4 << 20 }

    private struct Key: Hashable {
        /// `Pair.none`: the file of all pairs.
        let pair: Pair
        let day: Int64
    }

    /// - Parameter folder: where the paths of the files begin.
    init(_ stream: Stream, in folder: String) { (self.stream, self.folder) = (stream, folder) }

    func append(_ record: UnsafeRawBufferPointer) throws {
        let key = key(of: record)
        let part = try parts[key] ?? begin(key, at: RecordBytes.position(record))
        part.append(record)
        gathered += record.count
        if part.gatheredBytes >= Self.gatheredByOneMax {
            gathered -= part.gatheredBytes
            try part.flush()
        } else if gathered >= Self.gatheredMax {
            try flushLargest()
        }
    }

    /// Ends all files.
    /// - Returns: them, in the order of their paths.
    func finish() throws -> [ArchiveBatch.File] {
        try parts.values.sorted { $0.path < $1.path }.map { try $0.finish() }
    }

    /// Those with at least half of what one holds on average: at least half of all bytes.
    private func flushLargest() throws {
        let enough = gathered / parts.count / 2
        for part in parts.values where part.gatheredBytes >= enough {
            gathered -= part.gatheredBytes
            try part.flush()
        }
    }

    private static let dayNanos = 86_400 * UTCNanos.perSecond
    /// From 1970-01-01 to before 2200-01-01: dates of a moment that is no mistake.
    private static let days = 0..<CivilDate.daysSince1970(year: 2200, month: 1, day: 1)

    /// Ticks of a pair by day; everything else by day alone.
    private func key(of record: UnsafeRawBufferPointer) -> Key {
        let time = RecordBytes.time(record)
        let day = floorDivide(time, Self.dayNanos)
        guard time > 0, Self.days.contains(day) else { return Key(pair: .none, day: localDay(of: record)) }
        guard stream == .ticks, record.loadUnaligned(as: UInt32.self) == RecordKind.tick.rawValue else {
            return Key(pair: .none, day: day)
        }
        let pair = Pair(
            head: record.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
            tail: record.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let key = Key(pair: pair, day: day)
        return parts[key] != nil || RecordText.isName(pair.bytes) ? key : Key(pair: .none, day: day)
    }

    /// The day by the local clock, of a record without a sensible time: that of receiveTime, or of a candle's publishTime.
    private func localDay(of record: UnsafeRawBufferPointer) -> Int64 {
        let time = record.loadUnaligned(fromByteOffset: stream == .ticks ? 32 : 176, as: Int64.self)
        return min(max(floorDivide(time, Self.dayNanos), Self.days.lowerBound), Self.days.upperBound - 1)
    }

    private func begin(_ key: Key, at position: UInt64) throws -> PartWriter {
        let place = PartPlace(stream, pair: key.pair == .none ? nil : key.pair, day: key.day)
        let path = place.path(firstPosition: position)
        try makeFolder(parentFolder(of: "\(folder)/\(path)"))
        let part = PartWriter(place.layout, path: path, in: folder)
        parts[key] = part
        return part
    }
}

@available(*, unavailable)
extension PartWriters: Sendable {}

/// The folder of a file: which records are in it.
struct PartPlace {
    let layout: RecordLayout
    private let folder: String

    init(_ stream: Stream, pair: Pair?, day: Int64) {
        let date = "date=\(CivilDate(daysSince1970: day))"
        if let pair {
            layout = .ticks(pair: pair.bytes)
            folder = "\(stream.rawValue)/\(date)/pair=\(pair)"
        } else {
            layout = PartPlace.common(stream)
            folder = "\(stream == .ticks ? "feed" : stream.rawValue)/\(date)"
        }
    }

    private static func common(_ stream: Stream) -> RecordLayout { stream == .ticks ? .feed : .candles(stream) }

    /// The layout of a file of the manifest.
    /// - Throws: `ArchiveDamage` if its path is not one that the archiver makes.
    static func layout(of file: ArchiveBatch.File, _ stream: Stream) throws(ArchiveDamage) -> RecordLayout {
        guard let name = file.pair else { return common(stream) }
        guard stream == .ticks, let pair = RecordText.bytes(name, count: Pair.lengthMax) else {
            throw ArchiveDamage("its path is not one of the archive's")
        }
        return .ticks(pair: pair)
    }

    func path(firstPosition: UInt64) -> String { "\(folder)/part-\(positionDigits(firstPosition)).parquet" }
}
