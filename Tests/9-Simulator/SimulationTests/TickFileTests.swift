@testable import Simulation
import Testing

@Suite struct TickFileTests {
    private func ticks(_ text: String, chunk: Int = .max, late: Bool = false) throws -> [MarketTick] {
        var file = PlayFile(path: "f.csv", TickFileParser(allowsLateTicks: late))
        var rest = bytes(text)[...]
        while !rest.isEmpty {
            try file.take(rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
        }
        return try file.finish()
    }

    private func reason(_ rows: String) -> String {
        do {
            _ = try ticks("timestamp_utc_ns,bid,ask\n" + rows)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test func `prices keep their digits`() throws {
        let read = try ticks("timestamp_utc_ns,bid,ask\r\n1398902400292000000,1.2106,1.21070\n")
        #expect(read == [MarketTick(time: 1_398_902_400_292_000_000, bid: price("1.2106"), ask: price("1.21070"))])
        #expect(FieldValue(read[0].ask).text == "1.21070")
    }

    @Test(arguments: 1...60) func `it does not matter where a read ends`(chunk: Int) throws {
        let text = "timestamp_utc_ns,bid,ask\n5,1.1,1.2\n6,,1.3\n7,100,100.5"
        #expect(try ticks(text, chunk: chunk) == ticks(text))
    }

    @Test(arguments: [
        ("x,1.1,1.2", "f.csv, line 2: `x` is not a time in nanoseconds since 1970"),
        ("5,1.1,1.2\n6,1.1", "f.csv, line 3: expected three columns"),
        ("5,1.1,abc", "f.csv, line 2: `abc` is not a valid ask price"),
        ("5,-1.1,1.2", "f.csv, line 2: `-1.1` is not a valid bid price"),
        ("5,1.,1.2", "f.csv, line 2: `1.` is not a valid bid price"),
        ("5,01.1,1.2", "f.csv, line 2: `01.1` is not a valid bid price"),
        ("5,1234567890123456789,1.2", "f.csv, line 2: `1234567890123456789` is not a valid bid price"),
        ("9223372036854775807,1.1,1.2", "f.csv, line 2: `9223372036854775807` is not a time in nanoseconds since 1970"),
        ("7,1.1,1.2\n6,1.1,1.2", "f.csv, line 3: the time 6 is before that of the row above, 7"),
        ("", "f.csv: no ticks"),
    ])
    func `a bad row is named`(rows: String, expected: String) {
        #expect(reason(rows) == expected)
    }

    @Test func `a file without the header is refused`() {
        #expect(throws: PlayFileError.self) { try ticks("5,1.1,1.2\n") }
    }

    @Test func `late rows are played when asked for`() throws {
        #expect(try ticks("timestamp_utc_ns,bid,ask\n7,1,2\n6,1,2\n", late: true).map(\.time) == [7, 6])
    }

    @Test func `a line without an end is refused before it fills memory`() {
        #expect(throws: PlayFileError.self) { try ticks(String(repeating: "1", count: 100_000)) }
    }
}

@Suite struct WirePriceTests {
    @Test(arguments: [
        ("1.38676", 4, "13867.6"), ("1.2106", 4, "12106.0"), ("1", 4, "10000.0"), ("150.123", 2, "15012.3"),
    ])
    func `points move the decimal point and keep a decimal`(text: String, shift: UInt8, expected: String) {
        #expect(FieldValue(price(text).inPoints(shiftedBy: shift)).text == expected)
    }

    @Test(arguments: ["0", "0.00001", "1.38676", "999999999999999999", "0.5", "102.10"])
    func `writing gives the text again`(text: String) {
        #expect(FieldValue(price(text)).text == text)
    }

    @Test func `negative numbers and the smallest one are written`() {
        #expect(FieldValue(-31, decimals: 5).text == "-0.00031")
        #expect(FieldValue(Int64.min, decimals: 0).text == "-9223372036854775808")
    }
}
