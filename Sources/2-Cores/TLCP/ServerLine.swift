/// One line of the server, taken apart. Source: TLCP § Server lines.
///
/// Text arguments are percent-decoded; invalid UTF-8 in them becomes replacement characters. Update lines
/// are not decoded here: see `UpdateLine` and `ItemState`.
public enum ServerLine: Hashable, Sendable {
    case sessionOpened(session: String, requestLimit: Int, keepaliveMillis: Int, controlLink: String)
    case sessionRefused(code: Int, text: String)
    case ended(code: Int, text: String)
    /// Without an id: the answer to a heartbeat over HTTP.
    case requestAccepted(request: Int?)
    case requestRefused(request: Int, code: Int, text: String)
    case requestNotUnderstood(code: Int, text: String)
    case webSocketProven
    case serverName(String)
    case clientAddress(String)
    /// `unlimited`, `unmanaged` or kilobits a second.
    case bandwidth(String)
    case progress(UInt64)
    case filler
    case probe
    case synchronise(seconds: Int)
    case loop(millis: Int)
    case subscribed(subscription: Int, items: Int, fields: Int)
    case subscribedCommand(subscription: Int, items: Int, fields: Int, keyField: Int, commandField: Int)
    case configured(subscription: Int, frequency: String, isFiltered: Bool)
    case endOfSnapshot(subscription: Int, item: Int)
    case snapshotCleared(subscription: Int, item: Int)
    case updatesLost(subscription: Int, item: Int, count: Int)
    case unsubscribed(subscription: Int)
    case messageDone(sequence: String, number: Int)
    case messageFailed(sequence: String, number: Int, code: Int, text: String)
    /// A tag that this version of the protocol does not have: reported, not counted.
    case unknown(tag: String)

    /// Whether the line counts for recovery.
    public var isData: Bool {
        switch self {
        case .subscribed, .subscribedCommand, .configured, .endOfSnapshot, .snapshotCleared, .updatesLost,
            .unsubscribed, .messageDone, .messageFailed:
            true
        default: false
        }
    }
}

/// A line with a known tag that cannot be read: too few arguments, or an invalid number.
public struct LineError: Error, Hashable, Sendable, CustomStringConvertible {
    public let tag: String
    /// Whether the line would have counted for recovery, so that the count is uncertain.
    public let isData: Bool

    public var description: String { "malformed \(tag) line" }
}

extension ServerLine {
    /// Reads any line but an update.
    /// - Throws: `LineError` for a known tag with wrong arguments.
    public init(_ line: UnsafeRawBufferPointer) throws(LineError) {
        var rest = Arguments(line)
        let tag = rest.next(isLast: false) ?? line
        switch String(decoding: tag.prefix(9), as: UTF8.self) {
        case "CONOK": self = try rest.read("CONOK") { $0.sessionOpened() }
        case "CONERR": self = try rest.read("CONERR") { $0.codeAndText().map { .sessionRefused(code: $0, text: $1) } }
        case "END": self = try rest.read("END") { $0.codeAndText().map { .ended(code: $0, text: $1) } }
        case "REQOK": self = try rest.read("REQOK") { $0.requestAccepted() }
        case "REQERR": self = try rest.read("REQERR") { $0.requestRefused() }
        case "ERROR":
            self = try rest.read("ERROR") { $0.codeAndText().map { .requestNotUnderstood(code: $0, text: $1) } }
        case "WSOK": self = .webSocketProven
        case "SERVNAME": self = .serverName(rest.lastText())
        case "CLIENTIP": self = .clientAddress(rest.lastText())
        case "CONS": self = .bandwidth(rest.lastText())
        case "PROG": self = try rest.read("PROG") { $0.number(isLast: true).map { .progress(UInt64($0)) } }
        case "NOOP": self = .filler
        case "PROBE": self = .probe
        case "SYNC": self = try rest.read("SYNC") { $0.number(isLast: true).map { .synchronise(seconds: $0) } }
        case "LOOP": self = try rest.read("LOOP") { $0.number(isLast: true).map { .loop(millis: $0) } }
        default: self = try ServerLine.data(tag, &rest)
        }
    }

    /// The lines that count for recovery.
    private static func data(_ tag: UnsafeRawBufferPointer, _ rest: inout Arguments) throws(LineError) -> ServerLine {
        switch String(decoding: tag.prefix(9), as: UTF8.self) {
        case "SUBOK":
            try rest.readData("SUBOK") {
                $0.numbers(3).map { .subscribed(subscription: $0[0], items: $0[1], fields: $0[2]) }
            }
        case "SUBCMD":
            try rest.readData("SUBCMD") {
                $0.numbers(5).map {
                    .subscribedCommand(
                        subscription: $0[0], items: $0[1], fields: $0[2], keyField: $0[3], commandField: $0[4])
                }
            }
        case "CONF": try rest.readData("CONF") { $0.configured() }
        case "EOS":
            try rest.readData("EOS") { $0.numbers(2).map { .endOfSnapshot(subscription: $0[0], item: $0[1]) } }
        case "CS":
            try rest.readData("CS") { $0.numbers(2).map { .snapshotCleared(subscription: $0[0], item: $0[1]) } }
        case "OV":
            try rest.readData("OV") {
                $0.numbers(3).map { .updatesLost(subscription: $0[0], item: $0[1], count: $0[2]) }
            }
        case "UNSUB": try rest.readData("UNSUB") { $0.numbers(1).map { .unsubscribed(subscription: $0[0]) } }
        case "MSGDONE": try rest.readData("MSGDONE") { $0.messageDone() }
        case "MSGFAIL": try rest.readData("MSGFAIL") { $0.messageFailed() }
        default: .unknown(tag: String(decoding: tag.prefix(16), as: UTF8.self))
        }
    }
}

/// The arguments of one line, from the left; the last one keeps further commas.
struct Arguments {
    private var rest: UnsafeRawBufferPointer?

    init(_ line: UnsafeRawBufferPointer) { rest = line }

    mutating func next(isLast: Bool) -> UnsafeRawBufferPointer? {
        guard let present = rest else { return nil }
        guard !isLast, let comma = present.firstIndex(of: UInt8(ascii: ",")) else {
            rest = nil
            return present
        }
        rest = UnsafeRawBufferPointer(rebasing: present[(comma + 1)...])
        return UnsafeRawBufferPointer(rebasing: present[..<comma])
    }

    /// A number that is not negative and fits; errors have codes below 0, see `code`.
    mutating func number(isLast: Bool = false) -> Int? {
        guard let text = next(isLast: isLast) else { return nil }
        return Decimal.whole(text)
    }

    mutating func code() -> Int? {
        guard let text = next(isLast: false) else { return nil }
        guard text.first == UInt8(ascii: "-") else { return Decimal.whole(text) }
        return Decimal.whole(UnsafeRawBufferPointer(rebasing: text.dropFirst())).map { -$0 }
    }

    mutating func text(isLast: Bool = false) -> String? { next(isLast: isLast).map { PercentCoding.text($0) } }

    /// The argument of a line that only informs: empty if it is missing.
    mutating func lastText() -> String { text(isLast: true) ?? "" }

    mutating func numbers(_ count: Int) -> [Int]? {
        var all: [Int] = []
        for index in 1...count {
            guard let number = number(isLast: index == count) else { return nil }
            all.append(number)
        }
        return all
    }

    mutating func codeAndText() -> (Int, String)? {
        guard let code = code() else { return nil }
        return (code, lastText())
    }

    mutating func sessionOpened() -> ServerLine? {
        guard let session = text(), !session.isEmpty, let limit = number(), let keepalive = number(),
            let link = text(isLast: true)
        else { return nil }
        return .sessionOpened(session: session, requestLimit: limit, keepaliveMillis: keepalive, controlLink: link)
    }

    mutating func requestAccepted() -> ServerLine? {
        guard rest != nil else { return .requestAccepted(request: nil) }
        return number(isLast: true).map { .requestAccepted(request: $0) }
    }

    mutating func requestRefused() -> ServerLine? {
        guard let request = number(), let (code, text) = codeAndText() else { return nil }
        return .requestRefused(request: request, code: code, text: text)
    }

    mutating func configured() -> ServerLine? {
        guard let subscription = number(), let frequency = text(), let mode = text(isLast: true) else { return nil }
        guard mode == "filtered" || mode == "unfiltered" else { return nil }
        return .configured(subscription: subscription, frequency: frequency, isFiltered: mode == "filtered")
    }

    /// Two arguments; a third since version 2.5.0, which is not kept.
    mutating func messageDone() -> ServerLine? {
        guard let sequence = text(), let number = number() else { return nil }
        return .messageDone(sequence: sequence, number: number)
    }

    mutating func messageFailed() -> ServerLine? {
        guard let sequence = text(), let number = number(), let (code, text) = codeAndText() else { return nil }
        return .messageFailed(sequence: sequence, number: number, code: code, text: text)
    }

    mutating func read(_ tag: String, _ body: (inout Arguments) -> ServerLine?) throws(LineError) -> ServerLine {
        guard let line = body(&self) else { throw LineError(tag: tag, isData: false) }
        return line
    }

    mutating func readData(_ tag: String, _ body: (inout Arguments) -> ServerLine?) throws(LineError) -> ServerLine {
        guard let line = body(&self) else { throw LineError(tag: tag, isData: true) }
        return line
    }
}

/// Whole decimal numbers that cannot overflow.
enum Decimal {
    /// - Returns: `nil` unless the text is 1 to 18 digits.
    @inline(__always)
    static func whole(_ text: UnsafeRawBufferPointer) -> Int? {
        guard (1...18).contains(text.count) else { return nil }
        var value = 0
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }
}
