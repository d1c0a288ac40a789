@testable import Parquet
import TestKit
import Testing

@Suite struct DamageTests {
    private static let bytes = written(SmallFile.schema, SmallFile.rowGroups)

    private func reason(_ bytes: [UInt8]) -> String? {
        do throws(ParquetError) {
            _ = try Reading(bytes)
            return nil
        } catch { return error.description }
    }

    @Test(arguments: 0..<8) func `every flipped bit is noticed or leaves the values as they were`(bit: Int) throws {
        let sound = try Reading(Self.bytes)
        let footer = Self.bytes.count - 8 - Self.footerByteCount
        var (unnoticed, changed): ([Int], [Int]) = ([], [])
        for index in Self.bytes.indices {
            var bytes = Self.bytes
            bytes[index] ^= 1 << bit
            guard let reading = try? Reading(bytes) else { continue }
            if !areExactly(reading.rowGroups, sound.rowGroups) { changed.append(index) }
            if index < footer { unnoticed.append(index) }
        }
        #expect(changed.isEmpty)
        // The magic at the beginning, since this reader takes the footer alone. In the footer, which has no checksum, names,
        // metadata and statistics may change unnoticed.
        #expect(unnoticed == [0, 1, 2, 3])
    }

    private static let footerByteCount = Int(bytes[bytes.count - 8]) | Int(bytes[bytes.count - 7]) << 8

    @Test func `every beginning of a file is refused`() {
        for count in 0..<Self.bytes.count {
            #expect(reason(Array(Self.bytes.prefix(count))) != nil, "\(count) bytes")
        }
    }

    /// The small file with another footer.
    private func refooted(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        let end = Self.bytes.count - 8
        var footer = Array(Self.bytes[(end - Self.footerByteCount)..<end])
        change(&footer)
        let size = withUnsafeBytes(of: UInt32(footer.count).littleEndian) { Array($0) }
        return Self.bytes[..<(end - Self.footerByteCount)] + footer + size + Array("PAR1".utf8)
    }

    @Test func `a footer that contradicts itself is refused`() throws {
        #expect(reason(refooted { _ in }) == nil)
        // Field 3, the number of rows: 6. The list of two row groups follows.
        let rowCount = refooted { footer in
            for index in footer.indices.dropLast(3) where footer[index..<(index + 4)] == [0x16, 12, 0x19, 0x2C] {
                footer[index + 1] = 14
            }
        }
        #expect(reason(rowCount) == "the footer has another number of rows than its row groups")
        #expect(reason(refooted { $0.append(0) }) == "the footer goes on behind its end")
        #expect(reason(refooted { $0 = [0] }) == "the footer has no columns")

        let sound = try Reading(Self.bytes).file
        var chunks = sound.rowGroups[0].columns
        chunks[1] = ParquetFile.ColumnChunk(
            bytes: (chunks[1].bytes.lowerBound + 1)..<chunks[1].bytes.upperBound, statistics: nil,
            contentByteCount: chunks[1].contentByteCount)
        let rowGroups = [ParquetFile.RowGroup(rowCount: 5, columns: chunks), sound.rowGroups[1]]
        let gap = refooted { $0 = Footer(schema: sound.schema, rowGroups: rowGroups).bytes }
        let place = chunks[1].bytes.lowerBound
        #expect(reason(gap) == "a column begins at byte \(place), not \(place - 1)")
    }

    @Test func `no page makes the reader take more memory than a row group has`() throws {
        let sound = try Reading(Self.bytes).file
        let chunks = sound.rowGroups[0].columns
        for rows in [0, ParquetFile.maximumRowGroupRows + 1, Int.max] {
            let rowGroups = [ParquetFile.RowGroup(rowCount: rows, columns: chunks)]
            let file = refooted { $0 = Footer(schema: sound.schema, rowGroups: rowGroups).bytes }
            #expect(reason(file) == "a row group has \(rows) rows")
        }
    }
}
