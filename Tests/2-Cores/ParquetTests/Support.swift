import Parquet

/// A file of these row groups.
func written(_ schema: ParquetSchema, _ rowGroups: [[ParquetValues]]) -> [UInt8] {
    var writer = ParquetWriter(schema: schema)
    var file: [UInt8] = []
    for rowGroup in rowGroups { file += writer.rowGroup(rowGroup) }
    return file + writer.finish()
}

/// What a reader sees of a file.
struct Reading {
    let file: ParquetFile
    let rowGroups: [[ParquetValues]]

    /// Reads the footer alone, then chunk by chunk, as from a disk.
    init(_ bytes: [UInt8]) throws(ParquetError) {
        let size = bytes.count
        let end = Array(bytes.suffix(ParquetFile.endByteCount))
        let count = try end.reading { end throws(ParquetError) in
            try ParquetFile.footerByteCount(end: end, fileByteCount: size)
        }
        let file = try Array(bytes.suffix(count)).reading { footer throws(ParquetError) in
            try ParquetFile(footer: footer, fileByteCount: size)
        }
        var rowGroups: [[ParquetValues]] = []
        for (index, rowGroup) in file.rowGroups.enumerated() {
            var columns: [ParquetValues] = []
            for (column, chunk) in rowGroup.columns.enumerated() {
                let part = Array(bytes[chunk.bytes])
                columns.append(
                    try part.reading { part throws(ParquetError) in
                        try file.decode(column: column, of: index, from: part)
                    })
            }
            rowGroups.append(columns)
        }
        (self.file, self.rowGroups) = (file, rowGroups)
    }
}

extension [UInt8] {
    fileprivate func reading<Result>(
        _ body: (UnsafeRawBufferPointer) throws(ParquetError) -> Result
    ) throws(ParquetError) -> Result {
        var outcome: Swift.Result<Result, ParquetError>?
        withUnsafeBytes { bytes in
            do throws(ParquetError) { outcome = .success(try body(bytes)) } catch { outcome = .failure(error) }
        }
        return try outcome!.get()
    }
}

extension ParquetValues {
    var integers: [Int64] {
        guard case .integers(let integers) = self else { return [] }
        return integers
    }

    /// Equal to the byte; `==` takes texts as equal that look alike.
    func isExactly(_ other: ParquetValues) -> Bool {
        switch (self, other) {
        case (.integers(let ours), .integers(let theirs)): ours == theirs
        case (.texts(let ours), .texts(let theirs)):
            ours.count == theirs.count && zip(ours, theirs).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
        default: false
        }
    }
}

func areExactly(_ ours: [[ParquetValues]], _ theirs: [[ParquetValues]]) -> Bool {
    ours.count == theirs.count
        && zip(ours, theirs).allSatisfy { ours, theirs in
            ours.count == theirs.count && zip(ours, theirs).allSatisfy { $0.isExactly($1) }
        }
}

/// The file `Tests/Golden/parquet/small-v1.parquet`: each kind of column, extreme values, two row groups. The readers in
/// Python know its values too: `python/tests/test_parquet.py`.
enum SmallFile {
    static let schema = ParquetSchema(
        columns: [
            ParquetSchema.Column("position", .int64), ParquetSchema.Column("broker_time", .timestamp),
            ParquetSchema.Column("bid", .int64), ParquetSchema.Column("flags", .int32),
            ParquetSchema.Column("kind", .text),
        ],
        metadata: [
            ParquetSchema.Metadata("price_unit", "1e-9"), ParquetSchema.Metadata("pair", "EUR_USD"),
            ParquetSchema.Metadata("Zürich", "€"),
        ])

    static let rowGroups: [[ParquetValues]] = [
        [
            .integers([1, 2, 3, 5, 8]),
            .integers([1_778_572_800_000_000_001, 1_778_572_800_250_000_000, -1, 0, 4_102_444_800_999_999_999]),
            .integers([.min, .max, 0, -1, .min]),
            .integers([Int64(Int32.min), Int64(Int32.max), -1, 0, 32]),
            .texts(["TICK", "", "naïve", "日本語", "🕯️"]),
        ],
        [
            .integers([9]), .integers([1_778_572_801_000_000_000]), .integers([1_084_120_000]), .integers([0]),
            .texts(["TICK"]),
        ],
    ]
}
