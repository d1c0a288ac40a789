/// The parameters of one request line: `name=value&name=value`, values percent-encoded UTF-8.
/// Source: TLCP § Encoding of parameter values.
struct RequestParameters: Equatable {
    private var values: [String: String] = [:]

    init() {}

    /// - Returns: `nil` if a part has no `=`, an escape is broken or the text is not UTF-8.
    init?(line: some Sequence<UInt8>) {
        for part in Array(line).split(separator: UInt8(ascii: "&")) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                let name = percentDecoded(part[..<equals]), let value = percentDecoded(part[(equals + 1)...])
            else { return nil }
            values[name] = value
        }
    }

    subscript(name: String) -> String? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// A whole number that is not negative, and `nil` if it is missing or something else.
    func count(_ name: String) -> Int? {
        guard let text = values[name], let number = Int(text), number >= 0 else { return nil }
        return number
    }

    /// The words between spaces: the items of a group, the fields of a schema.
    func words(_ name: String) -> [String] { (values[name] ?? "").split(separator: " ").map(String.init) }

    func isTrue(_ name: String) -> Bool { values[name] == "true" }

    /// The values of `self` where present, else those of `defaults`.
    func filled(from defaults: RequestParameters) -> RequestParameters {
        var result = self
        result.values.merge(defaults.values) { own, _ in own }
        return result
    }
}

/// One message of a client: a request name and one parameter line for each request.
struct StreamRequest: Equatable {
    enum Name: String, CaseIterable {
        case createSession = "create_session", bindSession = "bind_session"
        case control, msg, heartbeat, wsok
    }

    enum Malformed: Error, Equatable { case unknownName, badParameters }

    let name: Name
    /// At least one element, but for `wsok`.
    let batch: [RequestParameters]

    /// The same request with what its query says for all of the batch.
    func filled(from query: RequestParameters) -> StreamRequest {
        StreamRequest(name: name, batch: batch.map { $0.filled(from: query) })
    }

    private init(name: Name, batch: [RequestParameters]) {
        self.name = name
        self.batch = batch
    }

    /// Reads a WebSocket message. Source: TLCP § Transport and framing.
    init(message: some Collection<UInt8>) throws(Malformed) {
        let lines = splitLines(Array(message))
        guard let first = lines.first, let name = Name(rawValue: String(decoding: first, as: UTF8.self)) else {
            throw .unknownName
        }
        try self.init(name: name, lines: lines.dropFirst())
    }

    /// Reads the body of `POST /lightstreamer/<name>.txt`.
    init(name: Name, body: some Collection<UInt8>) throws(Malformed) {
        try self.init(name: name, lines: splitLines(Array(body))[...])
    }

    private init(name: Name, lines: ArraySlice<ArraySlice<UInt8>>) throws(Malformed) {
        var batch: [RequestParameters] = []
        for line in lines where !line.isEmpty {
            guard let parameters = RequestParameters(line: line) else { throw .badParameters }
            batch.append(parameters)
        }
        self.name = name
        self.batch = batch.isEmpty && name != .wsok ? [RequestParameters()] : batch
    }
}

/// A version such as 2.4.0.
public struct ProtocolVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    let major: Int
    let minor: Int
    let patch: Int

    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 3, let major = parts[0], let minor = parts[1], let patch = parts[2] else { return nil }
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    /// Reads `TLCP-2.4.0` and `TLCP-2.4.0.lightstreamer.com`.
    init?(announcement: some StringProtocol) {
        guard announcement.hasPrefix("TLCP-") else { return nil }
        var text = String(announcement.dropFirst(5))
        if text.hasSuffix(ProtocolVersion.suffix) { text.removeLast(ProtocolVersion.suffix.count) }
        self.init(text)
    }

    private static let suffix = ".lightstreamer.com"

    public var description: String { "\(major).\(minor).\(patch)" }

    public static func < (a: ProtocolVersion, b: ProtocolVersion) -> Bool {
        (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
    }
}

/// Cuts at CR-LF and at bare LF.
private func splitLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
}

/// - Returns: `nil` if an escape is broken or the result is not UTF-8.
func percentDecoded(_ bytes: some Collection<UInt8>) -> String? {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
        guard byte == UInt8(ascii: "%") else {
            result.append(byte)
            continue
        }
        guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else {
            return nil
        }
        result.append(high << 4 | low)
    }
    return String(validating: result, as: UTF8.self)
}

/// Percent-encodes what TLCP must not carry raw in an argument.
func percentEncoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: "%"), UInt8(ascii: ","), UInt8(ascii: "|"):
            result +=
                "%" + String(byte >> 4, radix: 16, uppercase: true)
                + String(byte & 15, radix: 16, uppercase: true)
        default: result.unicodeScalars.append(Unicode.Scalar(byte < 128 ? byte : UInt8(ascii: "?")))
        }
    }
    return result
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
