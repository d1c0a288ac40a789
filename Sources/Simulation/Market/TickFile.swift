internal import CZlib
internal import Glibc

/// Why a tick file cannot be played.
public struct TickFileError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable { case unreadable, malformed }

    public let kind: Kind
    public let path: String
    /// From 1; the header is line 1. 0 where the whole file is meant.
    public let line: Int
    public let reason: String

    public var description: String { line > 0 ? "\(path), line \(line): \(reason)" : "\(path): \(reason)" }
}

/// Ticks of one pair, read from CSV or gzip CSV with the header `timestamp_utc_ns,bid,ask`.
///
/// `timestamp_utc_ns` is a whole number of nanoseconds since 1970 UTC; `bid` and `ask` are decimals, kept
/// digit for digit; an empty one means that the side has no price. Rows must not step back in time
/// unless late ticks are allowed.
struct TickFile: Sendable {
    let ticks: [MarketTick]

    static let header = "timestamp_utc_ns,bid,ask"
    /// No sensible row is longer; a bound for the reader.
    static let lineBytesMax = 256

    init(path: String, allowsLateTicks: Bool = false) throws(TickFileError) {
        var parser = TickFileParser(path: path, allowsLateTicks: allowsLateTicks)
        // gzread passes plain files through unchanged.
        guard let file = gzopen(path, "rb") else {
            throw TickFileError(kind: .unreadable, path: path, line: 0, reason: String(cString: strerror(errno)))
        }
        defer { gzclose(file) }
        gzbuffer(file, 1 << 17)
        var chunk = [UInt8](repeating: 0, count: 1 << 17)
        while true {
            let count = Int(gzread(file, &chunk, UInt32(chunk.count)))
            if count < 0 {
                var code: Int32 = 0
                let reason = gzerror(file, &code).map { String(cString: $0) } ?? "unknown error"
                throw TickFileError(kind: .unreadable, path: path, line: parser.line, reason: "reading: \(reason)")
            }
            if count == 0 { break }
            try parser.take(chunk[..<count])
        }
        // A gzip file that was cut short ends like a whole one but for this code.
        var code: Int32 = 0
        _ = gzerror(file, &code)
        if code == Z_BUF_ERROR {
            throw TickFileError(kind: .malformed, path: path, line: parser.line, reason: "the gzip data ends early")
        }
        ticks = try parser.finish()
    }
}

/// Cuts bytes into rows and rows into ticks. Pure: it owns no file.
struct TickFileParser {
    let path: String
    let allowsLateTicks: Bool
    /// The number of the last line seen.
    private(set) var line = 0
    private var ticks: [MarketTick] = []
    private var rest: [UInt8] = []

    init(path: String, allowsLateTicks: Bool = false) {
        self.path = path
        self.allowsLateTicks = allowsLateTicks
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) throws(TickFileError) {
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if rest.isEmpty {
                try takeLine(bytes[start..<end])
            } else {
                rest.append(contentsOf: bytes[start..<end])
                let whole = rest
                rest.removeAll(keepingCapacity: true)
                try takeLine(whole[...])
            }
            start = end + 1
        }
        rest.append(contentsOf: bytes[start...])
        guard rest.count <= TickFile.lineBytesMax else {
            line += 1
            throw malformed("longer than \(TickFile.lineBytesMax) bytes")
        }
    }

    mutating func finish() throws(TickFileError) -> [MarketTick] {
        if !rest.isEmpty { try takeLine(rest[...]) }
        guard line > 0 else { throw TickFileError(kind: .malformed, path: path, line: 0, reason: "empty") }
        guard !ticks.isEmpty else { throw TickFileError(kind: .malformed, path: path, line: 0, reason: "no ticks") }
        return ticks
    }

    private mutating func takeLine(_ bytes: ArraySlice<UInt8>) throws(TickFileError) {
        line += 1
        let row = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        if line == 1 {
            guard row.elementsEqual(TickFile.header.utf8) else {
                throw malformed("the header must be `\(TickFile.header)`")
            }
            return
        }
        guard let firstComma = row.firstIndex(of: UInt8(ascii: ",")),
            let secondComma = row[(firstComma + 1)...].firstIndex(of: UInt8(ascii: ","))
        else { throw malformed("expected three columns") }
        let time = try time(row[..<firstComma])
        let bid = try price(row[(firstComma + 1)..<secondComma], named: "bid")
        let ask = try price(row[(secondComma + 1)...], named: "ask")
        if let last = ticks.last, time < last.time, !allowsLateTicks {
            throw malformed("the time \(time) lies before that of the row above, \(last.time)")
        }
        ticks.append(MarketTick(time: time, bid: bid, ask: ask))
    }

    private func time(_ text: ArraySlice<UInt8>) throws(TickFileError) -> Int64 {
        var value: Int64 = 0
        guard !text.isEmpty, text.count <= 19 else { throw badTime(text) }
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { throw badTime(text) }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { throw badTime(text) }
            value = sum
        }
        // A day of room, so that market time may run on after the last tick.
        guard value <= Int64.max - 86_400_000_000_000 else { throw badTime(text) }
        return value
    }

    private func badTime(_ text: ArraySlice<UInt8>) -> TickFileError {
        malformed("`\(String(decoding: text.prefix(40), as: UTF8.self))` is no time in nanoseconds since 1970")
    }

    private func price(_ text: ArraySlice<UInt8>, named name: String) throws(TickFileError) -> WirePrice {
        guard let price = WirePrice(text: text) else {
            throw malformed("`\(String(decoding: text.prefix(40), as: UTF8.self))` is no \(name) price")
        }
        return price
    }

    private func malformed(_ reason: String) -> TickFileError {
        TickFileError(kind: .malformed, path: path, line: line, reason: reason)
    }
}
