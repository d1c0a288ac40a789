import NIOCore
@testable import Simulation
import Testing

@Suite struct DeltaEncoderTests {
    /// Encodes each row of texts (`#` is null) and gives the third arguments.
    private func encode(_ rows: [[String]]) -> [String] {
        var encoder = DeltaEncoder(subscription: 3, item: 1, schema: Array(rows[0].indices))
        return rows.map { row in
            var buffer = ByteBuffer()
            encoder.encode(row.map { $0 == "#" ? .null : FieldValue(price($0)) }, into: &buffer)
            return String(buffer: buffer)
        }
    }

    @Test func `the first update is complete`() {
        #expect(encode([["1.1", "#", "7"]]) == ["U,3,1,1.1|#|7\r\n"])
    }

    @Test func `short runs of unchanged fields are empty and long ones counted`() {
        let first = ["1", "2", "3", "4", "5"]
        let lines = encode([
            first, ["9", "2", "3", "4", "5"], ["9", "2", "3", "4", "6"], ["9", "2", "3", "7", "6"],
            ["9", "8", "3", "7", "6"], ["9", "8", "3", "7", "6"],
        ])
        #expect(
            lines == [
                "U,3,1,1|2|3|4|5\r\n", "U,3,1,9|^4\r\n", "U,3,1,^4|6\r\n", "U,3,1,^3|7|\r\n", "U,3,1,|8|^3\r\n",
                "U,3,1,^5\r\n",
            ])
    }

    /// Every change of four fields, decoded by the rules of the protocol, gives the new state again.
    @Test func `every pattern of changes decodes to the state`() {
        for pattern in 0..<16 {
            let before = ["1", "2", "3", "4"]
            let after = before.enumerated().map { pattern & 1 << $0 == 0 ? $1 : "8\($1)" }
            let line = encode([before, after])[1].dropFirst(6).dropLast(1)
            #expect(decode(String(line), from: before) == after, "pattern \(pattern)")
        }
    }

    private func decode(_ text: String, from before: [String]) -> [String] {
        var state = before
        var field = 0
        for token in text.split(separator: "|", omittingEmptySubsequences: false) {
            if token.hasPrefix("^") {
                field += Int(token.dropFirst()) ?? 100
            } else {
                if !token.isEmpty, field < state.count { state[field] = String(token) }
                field += 1
            }
        }
        return field == state.count ? state : ["wrong count \(field)"]
    }
}

@Suite struct SentLogTests {
    private func log(bytesMax: Int, chunks: [Int]) -> SentLog {
        var log = SentLog(bytesMax: bytesMax)
        var number = 0
        for count in chunks {
            var buffer = ByteBuffer()
            for _ in 0..<count {
                number += 1
                buffer.writeString("\(number)\r\n")
            }
            log.append(buffer, lines: count)
        }
        return log
    }

    private func text(_ log: SentLog, after position: Int) -> String? {
        log.lines(after: position).map {
            $0.map { String(buffer: $0) }.joined().split(separator: "\r\n").joined(separator: " ")
        }
    }

    @Test func `every position gives exactly what follows it`() {
        let log = log(bytesMax: 1_000, chunks: [2, 1, 3])
        #expect(
            (0...6).map { text(log, after: $0) } == ["1 2 3 4 5 6", "2 3 4 5 6", "3 4 5 6", "4 5 6", "5 6", "6", ""])
        #expect(text(log, after: 7) == nil)
    }

    @Test func `what lies beyond the bytes is forgotten from the front`() {
        let log = log(bytesMax: 12, chunks: [2, 2, 2])
        #expect(text(log, after: 1) == nil)
        #expect(text(log, after: 2) == "3 4 5 6")
        #expect(log.dropped == 2)
    }

    @Test func `a chunk above the limit keeps its last lines`() {
        let log = log(bytesMax: 7, chunks: [5])
        #expect(log.dropped == 3)
        #expect(text(log, after: 3) == "4 5")
        #expect(text(log, after: 2) == nil)
    }
}
