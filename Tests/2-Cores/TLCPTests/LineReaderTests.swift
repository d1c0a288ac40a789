import Testing
@testable import TLCP

@Suite struct LineReaderTests {
    static let text = Array("CONOK,S1,50000,5000,*\r\nU,1,1,1.1|2.2\r\n\r\nPROBE\nU,1,1,a\u{20AC}b|^2\r\n".utf8)
    static let whole = ["CONOK,S1,50000,5000,*", "U,1,1,1.1|2.2", "", "PROBE", "U,1,1,a\u{20AC}b|^2"]

    @Test func `lines are the same wherever the text is split in two`() {
        for cut in 0...Self.text.count {
            #expect(lines([Array(Self.text[..<cut]), Array(Self.text[cut...])]) == Self.whole, "cut at \(cut)")
        }
    }

    @Test func `lines are the same when the text is split in three`() {
        for first in 0...Self.text.count {
            for second in first...Self.text.count {
                let chunks = [Self.text[..<first], Self.text[first..<second], Self.text[second...]].map(Array.init)
                guard lines(chunks) == Self.whole else {
                    Issue.record("cut at \(first) and \(second)")
                    return
                }
            }
        }
    }

    @Test func `lines are the same byte by byte`() {
        #expect(lines(Self.text.map { [$0] }) == Self.whole)
    }

    @Test func `an unfinished line is not handed out`() {
        #expect(lines([Array("PROBE\r\nU,1".utf8)]) == ["PROBE"])
    }

    @Test(arguments: [1, 3, 100]) func `a line over the bound is left out and the next one found`(chunkSize: Int) {
        let bytes = Array("12345678\r\n123456789\r\nnext\r\n".utf8)
        let chunks = stride(from: 0, to: bytes.count, by: chunkSize).map {
            Array(bytes[$0..<min($0 + chunkSize, bytes.count)])
        }
        #expect(lines(chunks, lengthMax: 8) == ["12345678", "‹overlong›", "next"])
    }

    @Test func `a line over the bound is reported while it arrives`() {
        #expect(lines([Array("1234567890".utf8), Array("123".utf8)], lengthMax: 8) == ["‹overlong›"])
        #expect(
            lines([Array("1234567890".utf8), Array("12\r\nnext\r\n".utf8)], lengthMax: 8) == ["‹overlong›", "next"])
    }

    @Test func `a new connection does not go on with the old one's half line`() {
        var reader = LineReader()
        var seen: [String] = []
        for text in ["U,1,1,1.1", "WSOK\r\n"] {
            reader.reset()
            withBytes(text) { bytes in
                var rest = bytes
                while case .line(let line)? = reader.next(&rest) { seen.append(String(decoding: line, as: UTF8.self)) }
            }
        }
        #expect(seen == ["WSOK"])
    }
}
