/// The target of a request, taken apart. Source: RFC 3986 §§ 2.1, 3.3, RFC 9112 § 3.2.1.
struct HTTPTarget {
    let path: String
    let segments: [String]
    let query: [(name: String, value: String)]

    /// - Returns: `nil` if it is not a path from the root, or has an empty part, `.` or `..`, a control character, or what
    ///   is not UTF-8.
    init?(_ uri: String) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard uri.utf8.first == UInt8(ascii: "/"),
            uri.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") })
        else { return nil }
        path = String(parts[0])
        var segments: [String] = []
        if path != "/" {
            for part in parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                guard let segment = decoded(part), !segment.isEmpty, segment != ".", segment != ".." else { return nil }
                segments.append(segment)
            }
        }
        self.segments = segments
        var query: [(name: String, value: String)] = []
        for part in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(sides[0]), let value = decoded(sides.count > 1 ? sides[1] : "") else { return nil }
            query.append((name, value))
        }
        self.query = query
    }
}

/// Resolves percent signs. A plus sign stays one: times have them. Foundation's `removingPercentEncoding` would need all of
/// Foundation here, and lets control characters pass.
/// - Returns: `nil` for a percent sign without two digits, a control character, or what is not UTF-8.
private func decoded(_ text: Substring) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
            return nil
        }
        bytes.append(high << 4 | low)
    }
    guard bytes.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
