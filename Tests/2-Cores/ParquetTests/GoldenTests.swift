import CZstd
import Parquet
import TestKit
import Testing

@Suite struct GoldenTests {
    private static let name = "parquet/small-v1.parquet"
    private static let bytes = written(SmallFile.schema, SmallFile.rowGroups)

    /// Other versions of zstd may make other frames of the same content.
    @Test(.enabled(if: ZSTD_versionNumber() == 10_504, "recorded with zstd 1.5.4"))
    func `the writer makes the recorded bytes`() {
        #expect(Golden.bytes(Self.name, actual: Self.bytes) == Self.bytes)
    }

    @Test func `the recorded file is read`() throws {
        let reading = try Reading(fileBytes("\(Golden.folder)/\(Self.name)"))
        #expect(reading.file.schema == SmallFile.schema)
        #expect(areExactly(reading.rowGroups, SmallFile.rowGroups))
        #expect(reading.file.rowGroups.map(\.rowCount) == [5, 1])
        let statistics = reading.file.rowGroups[0].columns.map(\.statistics)
        #expect(
            statistics == [
                .integers(1...8), .integers(-1...4_102_444_800_999_999_999), .integers(.min ... .max),
                .integers(Int64(Int32.min)...Int64(Int32.max)), .texts(minimum: "", maximum: "🕯️"),
            ])
    }
}
