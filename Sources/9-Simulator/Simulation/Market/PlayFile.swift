internal import CZlib
internal import Glibc

/// Why a file cannot be played.
public struct PlayFileError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable { case unreadable, malformed }

    public let kind: Kind
    public let path: String
    /// From 1. 0: the whole file.
    public let line: Int
    public let reason: String

    public var description: String { line > 0 ? "\(path), line \(line): \(reason)" : "\(path): \(reason)" }
}

/// Makes something that can be played of the lines of a file. Pure: it owns no file.
protocol LineParser {
    associatedtype Product
    /// No sensible line is longer; a bound for the reader.
    static var lineBytesMax: Int { get }
    /// Whether a last line without its end is a damaged one.
    static var needsLastEnd: Bool { get }

    /// - Parameter number: from 1.
    mutating func take(_ line: ArraySlice<UInt8>, number: Int) throws(LineRefusal)
    mutating func finish() throws(LineRefusal) -> Product
}

/// The fault of a line, or of the file.
struct LineRefusal: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Cuts the bytes of a file into lines for a parser, wherever a read ends.
struct PlayFile<Parser: LineParser> {
    let path: String
    private var parser: Parser
    /// The number of the last line seen.
    private var line = 0
    private var rest: [UInt8] = []

    init(path: String, _ parser: Parser) {
        self.path = path
        self.parser = parser
    }

    /// Reads a file, plain or gzip.
    static func read(_ path: String, _ parser: Parser) throws(PlayFileError) -> Parser.Product {
        var lines = PlayFile(path: path, parser)
        // gzread passes plain files through unchanged.
        guard let file = gzopen(path, "rb") else {
            throw PlayFileError(kind: .unreadable, path: path, line: 0, reason: String(cString: strerror(errno)))
        }
        defer { gzclose(file) }
        gzbuffer(file, 1 << 17)
        var chunk = [UInt8](repeating: 0, count: 1 << 17)
        while true {
            let count = Int(gzread(file, &chunk, UInt32(chunk.count)))
            if count < 0 {
                var code: Int32 = 0
                let reason = gzerror(file, &code).map { String(cString: $0) } ?? "unknown error"
                throw PlayFileError(kind: .unreadable, path: path, line: lines.line, reason: "reading: \(reason)")
            }
            if count == 0 { break }
            try lines.take(chunk[..<count])
        }
        // A gzip file that was cut short ends like a whole one but for this code.
        var code: Int32 = 0
        _ = gzerror(file, &code)
        if code == Z_BUF_ERROR { throw lines.malformed("the gzip data ends early") }
        return try lines.finish()
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) throws(PlayFileError) {
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
        guard rest.count <= Parser.lineBytesMax else {
            line += 1
            throw malformed("longer than \(Parser.lineBytesMax) bytes")
        }
    }

    mutating func finish() throws(PlayFileError) -> Parser.Product {
        if !rest.isEmpty {
            guard !Parser.needsLastEnd else {
                line += 1
                throw malformed("the line has no end: the file was cut off here")
            }
            try takeLine(rest[...])
        }
        guard line > 0 else { throw PlayFileError(kind: .malformed, path: path, line: 0, reason: "empty") }
        do throws(LineRefusal) {
            return try parser.finish()
        } catch {
            throw PlayFileError(kind: .malformed, path: path, line: 0, reason: error.reason)
        }
    }

    private mutating func takeLine(_ bytes: ArraySlice<UInt8>) throws(PlayFileError) {
        line += 1
        do throws(LineRefusal) {
            try parser.take(bytes, number: line)
        } catch {
            throw malformed(error.reason)
        }
    }

    private func malformed(_ reason: String) -> PlayFileError {
        PlayFileError(kind: .malformed, path: path, line: line, reason: reason)
    }
}

/// Nanoseconds since 1970 as digits.
func nanoseconds(_ text: ArraySlice<UInt8>) throws(LineRefusal) -> Int64 {
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

private func badTime(_ text: ArraySlice<UInt8>) -> LineRefusal {
    LineRefusal("`\(shown(text))` is not a time in nanoseconds since 1970")
}

/// The beginning of a piece of a line, for an error's text.
func shown(_ text: ArraySlice<UInt8>) -> String { String(decoding: text.prefix(40), as: UTF8.self) }
