/// DELTA_BINARY_PACKED: the first value, then differences, each less the least difference, in as few bytes as hold them.
/// Source: the Parquet format, `Encodings.md`.
///
///     header:     128 (values a block), 4 (miniblocks a block), number of values, first value (zigzag)
///     block:      least difference (zigzag), the bit widths of its four miniblocks (a byte each)
///     miniblock:  32 differences less the least one, packed from the lowest bit on; the last one is filled with zeros
///
/// Numbers are varints. Differences wrap around at the type's size. Two freedoms of the format make the bytes easier for
/// zstd, by 6 % of a tick (docs/decisions/0041-archive-in-parquet.md): widths are whole bytes, and every block has the
/// least difference of the whole page, so that equal differences are equal bytes.
enum DeltaBinaryPacked {
    static let blockValues = 128
    static let miniblocks = 4
    static let miniblockValues = 32
    /// Bytes behind a page that may be read and written, since values are moved eight bytes at a time.
    static let slack = 8

    /// The most bytes that so many values take, without the slack.
    static func byteCount<Value: FixedWidthInteger>(values: Int, _ type: Value.Type) -> Int {
        let blocks = (values + blockValues - 1) / blockValues
        return 23 + blocks * (10 + miniblocks + blockValues * MemoryLayout<Value>.size)
    }

    /// Writes the values, at least one.
    /// - Parameter page: has `byteCount` bytes and the slack.
    /// - Returns: how many bytes it wrote.
    static func encode<Value: FixedWidthInteger & SignedInteger>(
        _ values: UnsafeBufferPointer<Int64>, as type: Value.Type, to page: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(page.count >= byteCount(values: values.count, type) + slack && !values.isEmpty)
        let least = leastDifference(values, as: type)
        var end = page.baseAddress!
        for number in [UInt64(blockValues), UInt64(miniblocks), UInt64(values.count), zigzag(values[0])] {
            append(number, to: &end)
        }
        var next = 1
        while next < values.count {
            append(zigzag(Int64(least)), to: &end)
            let widths = end
            (end as UnsafeMutableRawPointer).storeBytes(of: 0, as: UInt32.self)
            end += miniblocks
            for miniblock in 0..<miniblocks where next < values.count {
                let count = min(miniblockValues, values.count - next)
                let width = appendMiniblock(values, from: next, count: count, less: least, to: &end)
                widths.storeBytes(of: UInt8(width * 8), toByteOffset: miniblock, as: UInt8.self)
                next += count
            }
        }
        return end - page.baseAddress!
    }

    private static func leastDifference<Value: FixedWidthInteger & SignedInteger>(
        _ values: UnsafeBufferPointer<Int64>, as type: Value.Type
    ) -> Value {
        var least = values.count > 1 ? Value.max : 0
        var last = Value(truncatingIfNeeded: values[0])
        for value in values.dropFirst() {
            let this = Value(truncatingIfNeeded: value)
            least = min(least, this &- last)
            last = this
        }
        return least
    }

    /// - Returns: the bytes of a value.
    private static func appendMiniblock<Value: FixedWidthInteger & SignedInteger>(
        _ values: UnsafeBufferPointer<Int64>, from first: Int, count: Int, less least: Value,
        to end: inout UnsafeMutableRawPointer
    ) -> Int {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: miniblockValues) { rests in
            var all: UInt64 = 0
            for index in 0..<count {
                let this = Value(truncatingIfNeeded: values[first + index])
                let last = Value(truncatingIfNeeded: values[first + index - 1])
                let rest = UInt64(Value.Magnitude(truncatingIfNeeded: this &- last &- least))
                rests[index] = rest
                all |= rest
            }
            for index in count..<miniblockValues { rests[index] = 0 }
            let width = (UInt64.bitWidth - all.leadingZeroBitCount + 7) / 8
            for index in 0..<miniblockValues {
                end.storeBytes(of: rests[index].littleEndian, as: UInt64.self)
                end += width
            }
            return width
        }
    }

    private static func append(_ number: UInt64, to end: inout UnsafeMutableRawPointer) {
        var rest = number
        while rest >= 128 {
            end.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 128, as: UInt8.self)
            end += 1
            rest >>= 7
        }
        end.storeBytes(of: UInt8(rest), as: UInt8.self)
        end += 1
    }

    /// Reads what `encode` wrote.
    /// - Parameters:
    ///   - page: the slack, of any content, is behind it.
    ///   - values: as many as are expected, at least one; their content is undefined after an error.
    static func decode<Value: FixedWidthInteger & SignedInteger>(
        _ page: UnsafeRawBufferPointer, as type: Value.Type, to values: UnsafeMutableBufferPointer<Int64>
    ) throws(ParquetError) {
        var reader = ThriftReader(page)
        guard try reader.varint() == blockValues, try reader.varint() == miniblocks else {
            throw ParquetError("a page has blocks of another size")
        }
        guard try reader.varint() == values.count else { throw ParquetError("a page has another number of values") }
        var last = try number(&reader, as: type)
        values[0] = Int64(last)
        var next = 1
        while next < values.count {
            let least = try number(&reader, as: type)
            let widths = try reader.take(miniblocks)
            for miniblock in 0..<miniblocks where next < values.count {
                let width = Int(widths[miniblock])
                guard width % 8 == 0, width <= Value.bitWidth else {
                    throw ParquetError("a page has values of \(width) bits")
                }
                let packed = try reader.take(miniblockValues * width / 8)
                let count = min(miniblockValues, values.count - next)
                unpack(packed, width / 8, least, &last, to: values.baseAddress! + next, count)
                next += count
            }
        }
        guard reader.offset == page.count else { throw ParquetError("a page goes on behind its values") }
    }

    private static func number<Value: FixedWidthInteger & SignedInteger>(
        _ reader: inout ThriftReader, as type: Value.Type
    ) throws(ParquetError) -> Value {
        guard let number = Value(exactly: unzigzag(try reader.varint())) else {
            throw ParquetError("a value has more than \(Value.bitWidth) bits")
        }
        return number
    }

    @inline(__always)
    private static func unpack<Value: FixedWidthInteger & SignedInteger>(
        _ packed: UnsafeRawBufferPointer, _ width: Int, _ least: Value, _ last: inout Value,
        to values: UnsafeMutablePointer<Int64>, _ count: Int
    ) {
        let mask = width == 0 ? 0 : UInt64.max >> UInt64(64 - width * 8)
        var sum = last
        // Eight bytes of each value: the slack is behind the last one.
        var place = packed.baseAddress!
        for index in 0..<count {
            let rest = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)) & mask
            sum &+= least &+ Value(truncatingIfNeeded: rest)
            values[index] = Int64(sum)
            place += width
        }
        last = sum
    }
}
