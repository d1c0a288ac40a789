internal import Host
internal import Parquet
internal import Wire

/// One file of a batch, read row group by row group in the order of positions. A row group is read when its turn comes, and
/// the file is open only meanwhile: there may be thousands of files whose records come again much later.
final class PartReader {
    let file: ArchiveBatch.File
    private let path: String
    private let stream: Stream
    private var footer: Footer?
    /// The records of the present row group that were not taken yet begin at `start`.
    private(set) var records: [UInt8] = []
    private var start = 0
    private var nextRowGroup = 0
    /// Records of the row groups that were read.
    private var taken = 0
    private var last: UInt64 = 0
    /// The position of its next record; `nil` at the end. Before it is opened, no later than that.
    private(set) var nextPosition: UInt64?

    private struct Footer {
        let parquet: ParquetFile
        let layout: RecordLayout
    }

    /// - Parameters:
    ///   - folder: where the file's path begins.
    ///   - position: records before it are left out.
    init(_ file: ArchiveBatch.File, _ stream: Stream, in folder: String, from position: UInt64) {
        (self.file, self.stream, path) = (file, stream, "\(folder)/\(file.path)")
        nextPosition = file.lastPosition < position ? nil : max(file.firstPosition, position)
    }

    /// Copies the records of a window to their places in it.
    /// - Parameters:
    ///   - slots: one of a record's size for each position of the window.
    ///   - presence: a byte for each position: 1 where a record was copied.
    /// - Throws: `Failure` (65) that names file and reason.
    func fill(_ window: Range<UInt64>, _ slots: UnsafeMutableRawBufferPointer, _ presence: inout [Bool]) throws {
        while let next = nextPosition, next < window.upperBound {
            if start == records.count {
                try naming { try load(from: next) }
                continue
            }
            try presence.withUnsafeMutableBufferPointer { try copy(window, slots, $0) }
        }
        if nextPosition == nil { footer = nil }
    }

    /// What the present row group has of a window.
    private func copy(
        _ window: Range<UInt64>, _ slots: UnsafeMutableRawBufferPointer, _ presence: UnsafeMutableBufferPointer<Bool>
    ) throws {
        let size = stream.recordSize
        var (offset, next) = (start, last + 1)
        try records.withUnsafeBytes { bytes in
            while offset < bytes.count {
                let record = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + size)])
                let position = RecordBytes.position(record)
                if position >= window.upperBound {
                    next = position
                    return
                }
                if position >= window.lowerBound {
                    let slot = Int(position - window.lowerBound)
                    if presence[slot] { throw named("position \(position) is in the archive twice") }
                    presence[slot] = true
                    slots.baseAddress!.advanced(by: slot * size).copyMemory(from: record.baseAddress!, byteCount: size)
                }
                offset += size
            }
        }
        (start, nextPosition) = (offset, next)
        if start == records.count { (records, start) = ([], 0) }
    }

    /// The next row group that reaches a position; if it begins behind it, only where.
    private func load(from position: UInt64) throws {
        let footer = try footer ?? checked()
        self.footer = footer
        while nextRowGroup < footer.parquet.rowGroups.count {
            let rowGroup = footer.parquet.rowGroups[nextRowGroup]
            if let positions = PartReader.positions(of: rowGroup, footer) {
                if positions.upperBound < position {
                    taken += rowGroup.rowCount
                    nextRowGroup += 1
                    continue
                }
                if positions.lowerBound > position, positions.lowerBound <= file.lastPosition {
                    nextPosition = positions.lowerBound
                    return
                }
            }
            records = try decode(nextRowGroup, footer)
            taken += rowGroup.rowCount
            nextRowGroup += 1
            return
        }
        guard taken == file.rows else { throw ArchiveDamage("it has \(taken) rows instead of \(file.rows)") }
        nextPosition = nil
    }

    /// The positions of a row group by its statistics; `nil` if they are no positions.
    private static func positions(of rowGroup: ParquetFile.RowGroup, _ footer: Footer) -> ClosedRange<UInt64>? {
        guard case .integers(let range) = rowGroup.columns[footer.layout.positionColumn].statistics,
            range.lowerBound > 0
        else { return nil }
        return UInt64(range.lowerBound)...UInt64(range.upperBound)
    }

    private func decode(_ index: Int, _ footer: Footer) throws -> [UInt8] {
        let rowGroup = footer.parquet.rowGroups[index]
        guard let read = try ReadFile(path) else { throw ArchiveDamage("it is missing") }
        let bytes = try read.bytes(rowGroup.bytes)
        guard bytes.count == rowGroup.bytes.count else { throw ArchiveDamage("it ends too early") }
        let values = try rowGroup.columns.indices.map { column in
            let range = rowGroup.columns[column].bytes
            return try bytes.withUnsafeBytes { bytes in
                let start = range.lowerBound - rowGroup.bytes.lowerBound
                return try footer.parquet.decode(
                    column: column, of: index,
                    from: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + range.count)]))
            }
        }
        guard case .integers(let positions) = values[footer.layout.positionColumn] else { return [] }
        try check(positions, of: rowGroup, footer)
        return try footer.layout.records(of: values, rows: rowGroup.rowCount)
    }

    /// What was left out by the statistics must not be in it.
    private func check(_ positions: [Int64], of rowGroup: ParquetFile.RowGroup, _ footer: Footer) throws {
        for position in positions {
            guard position > 0, UInt64(position) > last, file.firstPosition...file.lastPosition ~= UInt64(position)
            else {
                throw ArchiveDamage("position \(position) is not in its place")
            }
            last = UInt64(position)
        }
        guard let range = PartReader.positions(of: rowGroup, footer) else { return }
        guard positions.first == Int64(range.lowerBound), positions.last == Int64(range.upperBound) else {
            throw ArchiveDamage("the positions of a row group are not those that its footer names")
        }
    }

    /// Checks size, checksum and footer.
    private func checked() throws -> Footer {
        guard let read = try ReadFile(path) else { throw ArchiveDamage("it is missing") }
        try read.expect(bytes: file.bytes, crc32c: file.crc32c)
        let end = try read.bytes(max(0, file.bytes - ParquetFile.endByteCount)..<file.bytes)
        let count = try end.withUnsafeBytes { try ParquetFile.footerByteCount(end: $0, fileByteCount: file.bytes) }
        let bytes = try read.bytes(max(0, file.bytes - count)..<file.bytes)
        let parquet = try bytes.withUnsafeBytes { try ParquetFile(footer: $0, fileByteCount: file.bytes) }
        let layout = try PartPlace.layout(of: file, stream)
        guard parquet.schema == layout.schema else { throw ArchiveDamage("its columns are not those of the archive") }
        return Footer(parquet: parquet, layout: layout)
    }

    private func naming(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let damage as ArchiveDamage {
            throw named(damage.description)
        } catch let damage as ParquetError {
            throw named(damage.description)
        }
    }

    private func named(_ what: String) -> Failure { Failure(.badData, "archive file \(path) is damaged: \(what)") }
}

@available(*, unavailable)
extension PartReader: Sendable {}

extension ReadFile {
    /// - Throws: `ArchiveDamage` if size or checksum differ.
    func expect(bytes: Int, crc32c: String) throws {
        guard byteCount == bytes else { throw ArchiveDamage("it has \(byteCount) bytes instead of \(bytes)") }
        let sum = hexadecimal(try checksum())
        guard sum == crc32c else { throw ArchiveDamage("its CRC-32C is \(sum) instead of \(crc32c)") }
    }
}
