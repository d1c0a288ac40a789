internal import MarketData
internal import Parquet
internal import Wire

/// The bytes of a record as the columns of a file, and back. Together with `fixed` the columns cover every byte but the
/// checksum, which follows from the others: so a record is made again exactly. Source: docs/formats.md §§ 1, 2 and 10.
struct RecordLayout: Sendable {
    struct Column: Sendable {
        let name: String
        let kind: ParquetSchema.Column.Kind
        let offset: Int
        /// In bytes: 1, 2, 4 or 8 of numbers, at most 12 of texts.
        let width: Int

        init(_ name: String, _ kind: ParquetSchema.Column.Kind, _ offset: Int, _ width: Int) {
            (self.name, self.kind, self.offset, self.width) = (name, kind, offset, width)
        }
    }

    let recordSize: Int
    let columns: [Column]
    /// The first bytes of each record, if no column holds them: kind and pair.
    let fixed: [UInt8]
    let metadata: [ParquetSchema.Metadata]
    /// The column of the positions.
    let positionColumn: Int

    static let format = "candlewick-archive-1"

    private init(_ stream: Stream, _ columns: [Column], fixed: [UInt8] = [], pair: String? = nil) {
        recordSize = stream.recordSize
        self.columns = columns
        self.fixed = fixed
        positionColumn = columns.firstIndex { $0.name == "position" } ?? 0
        metadata =
            [("format", RecordLayout.format), ("stream", stream.rawValue), ("price_unit", "1e-9")]
            .map { ParquetSchema.Metadata($0.0, $0.1) } + (pair.map { [ParquetSchema.Metadata("pair", $0)] } ?? [])
    }

    var schema: ParquetSchema {
        ParquetSchema(columns: columns.map { ParquetSchema.Column($0.name, $0.kind) }, metadata: metadata)
    }

    /// Of the `TICK` records of one pair.
    /// - Parameter pair: the 12 bytes of its name.
    static func ticks(pair: [UInt8]) -> RecordLayout {
        RecordLayout(
            .ticks,
            [
                Column("position", .int64, 16, 8), Column("broker_time", .timestamp, 24, 8),
                Column("receive_time", .timestamp, 32, 8), Column("bid", .int64, 40, 8), Column("ask", .int64, 48, 8),
                Column("flags", .int32, 56, 4),
            ],
            fixed: Array("TICK".utf8) + pair, pair: RecordText.text(pair))
    }

    /// Of the other records of the ticks stream.
    static let feed = RecordLayout(
        .ticks,
        [
            Column("kind", .text, 0, 4), Column("pair", .text, 4, 12), Column("position", .int64, 16, 8),
            Column("broker_time", .timestamp, 24, 8), Column("receive_time", .timestamp, 32, 8),
            Column("detail_1", .int64, 40, 8), Column("detail_2", .int64, 48, 8), Column("flags", .int32, 56, 4),
        ])

    /// Of the streams of 192-byte records.
    static func candles(_ stream: Stream) -> RecordLayout {
        let prices = ["bid", "ask", "mid"].flatMap { side in
            ["open", "high", "low", "close"].map { "\(side)_\($0)" }
        }
        return RecordLayout(
            stream,
            [
                Column("kind", .text, 0, 4), Column("pair", .text, 4, 12), Column("position", .int64, 16, 8),
                Column("start", .timestamp, 24, 8), Column("timeframe", .int32, 32, 4),
                Column("flags", .int32, 36, 4),
            ] + prices.enumerated().map { Column($1, .int64, 40 + 8 * $0, 8) } + [
                Column("first_tick_time", .timestamp, 136, 8), Column("last_tick_time", .timestamp, 144, 8),
                Column("tick_count", .int32, 152, 4), Column("blind_milliseconds", .int32, 156, 4),
                Column("lost_updates", .int32, 160, 4), Column("source", .int32, 164, 1),
                Column("input_stream", .int32, 165, 1), Column("revision", .int32, 166, 2),
                Column("input_position", .int64, 168, 8), Column("publish_time", .timestamp, 176, 8),
                Column("inverted_ticks", .int32, 184, 4),
            ])
    }

    /// The columns of records that follow one another.
    func values(of records: UnsafeRawBufferPointer) -> [ParquetValues] {
        columns.map { column in
            let starts = stride(from: column.offset, to: records.count, by: recordSize)
            if column.kind == .text { return .texts(texts(column, starts, of: records)) }
            return .integers(starts.map { RecordLayout.integer(column.width, at: $0, of: records) })
        }
    }

    private static func integer(_ width: Int, at offset: Int, of records: UnsafeRawBufferPointer) -> Int64 {
        switch width {
        case 8: records.loadUnaligned(fromByteOffset: offset, as: Int64.self)
        case 4: Int64(records.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        case 2: Int64(records.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        default: Int64(records[offset])
        }
    }

    private func texts(_ column: Column, _ starts: StrideTo<Int>, of records: UnsafeRawBufferPointer) -> [String] {
        var known: [[UInt8]: String] = [:]
        return starts.map { start in
            let bytes = Array(records[start..<(start + column.width)])
            if let text = known[bytes] { return text }
            let text = RecordText.text(bytes)
            known[bytes] = text
            return text
        }
    }

    /// Makes the records of columns again.
    /// - Throws: `ArchiveDamage` if a text is not one that the archiver writes.
    func records(of values: [ParquetValues], rows: Int) throws(ArchiveDamage) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: rows * recordSize)
        for (column, values) in zip(columns, values) {
            switch values {
            case .integers(let integers): fill(column, integers, &bytes)
            case .texts(let texts): try fill(column, texts, &bytes)
            }
        }
        bytes.withUnsafeMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: recordSize) {
                let record = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<(start + recordSize)])
                if !fixed.isEmpty { record.copyBytes(from: fixed) }
                RecordBytes.seal(record, position: RecordBytes.position(UnsafeRawBufferPointer(record)))
            }
        }
        return bytes
    }

    private func fill(_ column: Column, _ integers: [Int64], _ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { bytes in
            var offset = column.offset
            for value in integers {
                switch column.width {
                case 8: bytes.storeBytes(of: value, toByteOffset: offset, as: Int64.self)
                case 4: bytes.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: offset, as: Int32.self)
                case 2: bytes.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: offset, as: UInt16.self)
                default: bytes[offset] = UInt8(truncatingIfNeeded: value)
                }
                offset += recordSize
            }
        }
    }

    private func fill(_ column: Column, _ texts: [String], _ bytes: inout [UInt8]) throws(ArchiveDamage) {
        var known: [String: [UInt8]] = [:]
        var offset = column.offset
        for text in texts {
            guard let name = known[text] ?? RecordText.bytes(text, count: column.width) else {
                throw ArchiveDamage("column \(column.name) holds '\(text)', which no record has")
            }
            known[text] = name
            bytes.replaceSubrange(offset..<(offset + column.width), with: name)
            offset += recordSize
        }
    }
}

/// The kinds and pairs of records as texts: a name of `A–Z 0–9 _` with NULs behind it as the name, any other bytes as
/// `0x` and two hexadecimal digits each.
enum RecordText {
    static func text(_ bytes: [UInt8]) -> String {
        if isName(bytes) { return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        let digits = Array("0123456789abcdef".utf8)
        return "0x" + String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The bytes of a text; `nil` if `text` makes none of so many.
    static func bytes(_ text: String, count: Int) -> [UInt8]? {
        let letters = Array(text.utf8)
        guard text.hasPrefix("0x") else {
            let bytes = letters + [UInt8](repeating: 0, count: max(0, count - letters.count))
            return letters.count <= count && isName(bytes) ? bytes : nil
        }
        let digits = letters.dropFirst(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * count, letters.count == 2 * count + 2 else { return nil }
        return (0..<count).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }

    /// Letters, digits and `_`, then NULs alone; also NULs alone.
    static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        var hasEnded = false
        for byte in bytes {
            if byte == 0 {
                hasEnded = true
            } else if hasEnded || !isNameByte(byte) {
                return false
            }
        }
        return true
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}

/// What is wrong with a file of the archive: one clause.
struct ArchiveDamage: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
