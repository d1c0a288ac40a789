internal import NIOCore

/// Writes the updates of one item of one subscription as `U` lines: fields that did not change become
/// empty tokens, longer runs of them `^n`. Source: TLCP § Values of U.
struct DeltaEncoder {
    /// `U,<sub>,<item>,`
    private let prefix: [UInt8]
    /// For each field of the subscription's schema, its place among the item's fields.
    private let schema: [Int]
    private var previous: [FieldValue] = []

    /// Runs of at least this many unchanged fields are written `^n`. Our choice: the specification leaves
    /// the threshold open.
    static let runMin = 3

    init(subscription: Int, item: Int, schema: [Int]) {
        prefix = Array("U,\(subscription),\(item),".utf8)
        self.schema = schema
    }

    /// Whether a line can lack a field: there are two, and the client knows a value of the last one.
    var canBeShort: Bool { schema.count > 1 && !previous.isEmpty }

    /// Appends one line with its CR-LF.
    /// - Parameters:
    ///   - values: all fields of the item.
    ///   - missing: how many fields the line lacks at its end: a fault.
    mutating func encode(_ values: [FieldValue], into buffer: inout ByteBuffer, leavingOut missing: Int = 0) {
        let isFirst = previous.isEmpty
        if isFirst { previous = schema.map { values[$0] } }
        let room = prefix.count + schema.count * (FieldValue.bytesMax + 1) + 8
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            guard let start = target.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
            var end = 0
            for byte in prefix {
                start[end] = byte
                end += 1
            }
            var run = 0
            var isStart = true
            for index in 0..<(schema.count - missing) {
                let value = values[schema[index]]
                if !isFirst, value == previous[index] {
                    run += 1
                    continue
                }
                end += writeRun(run, isStart: &isStart, to: start + end)
                run = 0
                if !isStart {
                    start[end] = UInt8(ascii: "|")
                    end += 1
                }
                isStart = false
                end += value.write(to: start + end)
                previous[index] = value
            }
            end += writeRun(run, isStart: &isStart, to: start + end)
            start[end] = UInt8(ascii: "\r")
            start[end + 1] = UInt8(ascii: "\n")
            return end + 2
        }
    }

    /// Writes `count` unchanged fields; returns the number of bytes.
    private func writeRun(_ count: Int, isStart: inout Bool, to target: UnsafeMutablePointer<UInt8>) -> Int {
        guard count > 0 else { return 0 }
        var end = 0
        if count < DeltaEncoder.runMin {
            for _ in 0..<count {
                // An empty token at the very start has no separator before it.
                if !isStart {
                    target[end] = UInt8(ascii: "|")
                    end += 1
                }
                isStart = false
            }
            return end
        }
        if !isStart {
            target[end] = UInt8(ascii: "|")
            end += 1
        }
        isStart = false
        target[end] = UInt8(ascii: "^")
        return end + 1 + writeDecimal(Int64(count), decimals: 0, to: target + end + 1)
    }
}
