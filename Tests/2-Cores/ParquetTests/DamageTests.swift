import Parquet
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
}
