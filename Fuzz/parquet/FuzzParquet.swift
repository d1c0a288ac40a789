/// libFuzzer's entry: the first byte says what the rest is. A file, which is read as it came; the content of a page, which
/// in a file has checksums that fuzzing cannot hit; a footer; or values, which must come back from a file. Built by
/// `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard count >= 4 else { return 0 }
    let rest = UnsafeRawBufferPointer(rebasing: input[4...])
    let number = Int(input[1]) | Int(input[2]) << 8 | Int(input[3]) << 16
    switch input[0] % 6 {
    case 0: try? readFile(UnsafeRawBufferPointer(rebasing: input[1...]))
    case 1: unpack(rest, number % ParquetFile.maximumRowGroupRows + 1, as: Int64.self)
    case 2: unpack(rest, number % ParquetFile.maximumRowGroupRows + 1, as: Int32.self)
    case 3: _ = try? Texts.decode(rest, count: number)
    case 4: _ = try? Footer(rest, at: number)
    default: writeAndRead(rest, rows: max(1, number % 1_000))
    }
    return 0
}

private func readFile(_ bytes: UnsafeRawBufferPointer) throws(ParquetError) {
    let file = try ParquetFile(footer: bytes, fileByteCount: bytes.count)
    for (index, rowGroup) in file.rowGroups.enumerated() {
        for (column, chunk) in rowGroup.columns.enumerated() {
            let part = UnsafeRawBufferPointer(rebasing: bytes[chunk.bytes])
            guard let values = try? file.decode(column: column, of: index, from: part) else { continue }
            precondition(values.count == rowGroup.rowCount, "another number of values")
        }
    }
}

private func unpack<Value: FixedWidthInteger & SignedInteger>(
    _ content: UnsafeRawBufferPointer, _ count: Int, as type: Value.Type
) {
    // No byte more than the slack, so that the address sanitizer sees a read beyond it.
    let page = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count + DeltaBinaryPacked.slack, alignment: 16)
    let values = UnsafeMutableBufferPointer<Int64>.allocate(capacity: count)
    defer {
        page.deallocate()
        values.deallocate()
    }
    page.copyMemory(from: content)
    let packed = UnsafeRawBufferPointer(rebasing: page[..<content.count])
    guard (try? DeltaBinaryPacked.decode(packed, as: type, to: values)) != nil else { return }
    precondition(values.allSatisfy { Value(exactly: $0) != nil }, "a value has too many bits")
}

/// Values of any size, made of the input's bytes again and again.
private func writeAndRead(_ input: UnsafeRawBufferPointer, rows: Int) {
    guard input.count >= 8 else { return }
    let integers = (0..<rows).map { row in
        input.loadUnaligned(fromByteOffset: row * 5 % (input.count - 7), as: Int64.self)
            >> Int64(input[row % input.count] & 63)
    }
    let texts = integers.map { String(decoding: input.prefix(Int($0 & 15)), as: UTF8.self) }
    let columns: [ParquetValues] = [
        .integers(integers), .integers(integers.map { Int64(Int32(truncatingIfNeeded: $0)) }), .texts(texts),
    ]
    let kinds: [ParquetSchema.Column.Kind] = [.timestamp, .int32, .text]
    var writer = ParquetWriter(schema: ParquetSchema(columns: kinds.map { ParquetSchema.Column("\($0)", $0) }))
    let bytes = writer.rowGroup(columns) + writer.finish()
    bytes.withUnsafeBytes { bytes in
        guard let file = try? ParquetFile(footer: bytes, fileByteCount: bytes.count) else { fatalError("not read") }
        for column in kinds.indices {
            let part = UnsafeRawBufferPointer(rebasing: bytes[file.rowGroups[0].columns[column].bytes])
            let values = try? file.decode(column: column, of: 0, from: part)
            precondition(values == columns[column], "other values")
        }
    }
}
