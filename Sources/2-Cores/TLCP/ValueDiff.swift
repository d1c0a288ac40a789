/// TLCP-diff, the `^T` tokens. Source: TLCP § Value diffs.
enum ValueDiff {
    /// Applies a diff (already percent-decoded) to a value. Lengths count UTF-16 units.
    ///
    /// Sections go round COPY, ADD, DEL; each begins with a number in base 26: capitals for all digits
    /// but the last, which is a small letter.
    /// - Returns: `nil` if the diff is malformed or reaches beyond the value.
    static func apply(_ diff: [UInt8], to value: UnsafeRawBufferPointer) -> [UInt8]? {
        let old = Array(String(decoding: value, as: UTF8.self).utf16)
        let script = Array(String(decoding: diff, as: UTF8.self).utf16)
        var result: [UInt16] = []
        var position = 0
        var read = 0
        var section = 0
        while position < script.count {
            guard let count = number(script, &position) else { return nil }
            switch section % 3 {
            case 0:
                guard count <= old.count - read else { return nil }
                result += old[read..<(read + count)]
                read += count
            case 1:
                guard count <= script.count - position else { return nil }
                result += script[position..<(position + count)]
                position += count
            default:
                guard count <= old.count - read else { return nil }
                read += count
            }
            section += 1
        }
        return Array(String(decoding: result, as: UTF16.self).utf8)
    }

    private static func number(_ script: [UInt16], _ position: inout Int) -> Int? {
        var value = 0
        while position < script.count {
            let unit = script[position]
            position += 1
            switch unit {
            case 0x41...0x5A: value = value * 26 + Int(unit - 0x41)
            case 0x61...0x7A: return value * 26 + Int(unit - 0x61)
            default: return nil
            }
            // No value is longer than a line, so nothing beyond this is ever valid.
            if value > 1 << 32 { return nil }
        }
        return nil
    }
}
