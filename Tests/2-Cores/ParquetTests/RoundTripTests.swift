import Parquet
import TestKit
import Testing

@Suite struct RoundTripTests {
    private static let integers = ParquetSchema(columns: [ParquetSchema.Column("value", .int64)])

    private func isUnchanged(_ values: [Int64], _ kind: ParquetSchema.Column.Kind = .int64) throws -> Bool {
        let schema = ParquetSchema(columns: [ParquetSchema.Column("value", kind)])
        let reading = try Reading(written(schema, [[.integers(values)]]))
        let statistics = values.min().map { ParquetFile.Statistics.integers($0...values.max()!) }
        return reading.rowGroups.flatMap { $0[0].integers } == values
            && reading.file.rowGroups.first?.columns[0].statistics == statistics
    }

    @Test func `every number of values around the blocks comes back`() throws {
        var random = SplitMix(seed: 1)
        for count in Array(0...300) + [4_095, 4_096, 4_097, 131_071, 131_072, 131_073] {
            let values = (0..<count).map { Int64($0) * 1_000 + Int64.random(in: -5...5, using: &random) }
            #expect(try isUnchanged(values), "\(count) values")
        }
    }

    @Test func `differences of every size come back, also those that wrap around`() throws {
        var random = SplitMix(seed: 2)
        for bits in 0...64 {
            let values = (0..<700).map { _ in
                bits == 0 ? 7 : Int64(truncatingIfNeeded: random.next() >> UInt64(64 - bits))
            }
            #expect(try isUnchanged(values), "\(bits) bits")
            if bits < 64 { #expect(try isUnchanged(values.map { ~$0 }), "\(bits) bits, negative") }
        }
    }

    @Test func `the least and the greatest value come back beside each other`() throws {
        let extremes: [Int64] = [.min, .max, .min, .min, .max, .max, 0, .min, -1, .max, 1]
        for start in extremes.indices { #expect(try isUnchanged(Array(extremes[start...]))) }
        let extremes32 = extremes.map { Int64(Int32(clamping: $0)) }
        for start in extremes32.indices { #expect(try isUnchanged(Array(extremes32[start...]), .int32)) }
    }

    @Test func `32 bits come back with their sign, and times as they are`() throws {
        var random = SplitMix(seed: 3)
        let values = (0..<1_000).map { _ in Int64(Int32.random(in: .min ... .max, using: &random)) }
        #expect(try isUnchanged(values, .int32))
        #expect(try isUnchanged(values.map { 1_778_572_800_000_000_000 + $0 }, .timestamp))
    }

    @Test func `one far value does not spoil the others`() throws {
        var values = (0..<10_000).map { 1_778_572_800_000_000_000 + Int64($0) * 1_000_000 }
        let usual = written(Self.integers, [[.integers(values)]]).count
        values[5_000] = .min
        #expect(try isUnchanged(values))
        #expect(written(Self.integers, [[.integers(values)]]).count < usual * 4)
    }

    @Test func `texts come back to the byte`() throws {
        // The two é look alike, and are other bytes.
        let texts = ["é", "e\u{301}", "", "EUR_USD", "日本語", "🕯️", "\0", String(repeating: "lang", count: 10_000)]
        let schema = ParquetSchema(columns: [ParquetSchema.Column("text", .text)])
        for count in 1...texts.count {
            let columns: [ParquetValues] = [.texts(Array(texts.prefix(count)))]
            let reading = try Reading(written(schema, [columns, columns]))
            #expect(areExactly(reading.rowGroups, [columns, columns]))
        }
    }

    @Test func `the statistics of texts are by their bytes, and no long ones`() throws {
        let schema = ParquetSchema(columns: [ParquetSchema.Column("text", .text)])
        func statistics(_ texts: [String]) throws -> ParquetFile.Statistics? {
            try Reading(written(schema, [[.texts(texts)]])).file.rowGroups[0].columns[0].statistics
        }
        // As characters, both é are behind z.
        #expect(try statistics(["z", "é"]) == .texts(minimum: "z", maximum: "é"))
        #expect(try statistics(["z", "e\u{301}"]) == .texts(minimum: "e\u{301}", maximum: "z"))
        #expect(try statistics([""]) == .texts(minimum: "", maximum: ""))
        #expect(try statistics(["a", String(repeating: "b", count: 257)]) == nil)
    }

    @Test func `a file without rows has its columns and metadata`() throws {
        for rowGroups in [[], [[.integers([])]], [[.integers([])], [.integers([])]]] as [[[ParquetValues]]] {
            let reading = try Reading(written(Self.integers, rowGroups))
            #expect(reading.file.schema == Self.integers)
            #expect(reading.file.rowGroups.isEmpty)
            #expect(reading.file.rowCount == 0)
        }
    }

    @Test func `many columns and row groups come back in their order`() throws {
        let columns = (0..<40).map { ParquetSchema.Column("column_\($0)", $0 % 2 == 0 ? .int64 : .int32) }
        let metadata = (0..<20).map { ParquetSchema.Metadata("key \($0)", String(repeating: "x", count: $0 * 100)) }
        let schema = ParquetSchema(columns: columns, metadata: metadata)
        let rowGroups = (0..<20).map { group in
            (0..<40).map { ParquetValues.integers([Int64(group), Int64($0), Int64(group * $0)]) }
        }
        let reading = try Reading(written(schema, rowGroups))
        #expect(reading.file.schema == schema)
        #expect(reading.rowGroups == rowGroups)
        #expect(reading.file.rowCount == 60)
        #expect(reading.file.rowGroups.map(\.bytes.lowerBound).first == 4)
        #expect(
            zip(reading.file.rowGroups, reading.file.rowGroups.dropFirst()).allSatisfy {
                $0.bytes.upperBound == $1.bytes.lowerBound
            })
    }
}
