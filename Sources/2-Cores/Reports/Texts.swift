public import MarketData

/// `9,352`.
public func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}

/// `1 request`, `2 requests`.
public func counted(_ number: Int, _ noun: String) -> String { "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")" }

/// The text and spaces up to a width, at least one.
public func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

/// `12.3 MB`.
public func byteText(_ bytes: Int64) -> String {
    let units: [(String, Int64)] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)]
    guard let (name, size) = units.first(where: { bytes >= $0.1 }) else { return "\(bytes) B" }
    let tenths = bytes * 10 / size
    return tenths >= 1_000 ? "\(tenths / 10) \(name)" : "\(tenths / 10).\(tenths % 10) \(name)"
}

extension UTCSeconds {
    /// `2026-12-03 17:31 UTC`.
    public var minuteText: String { "\(text().dropLast(3)) UTC" }
}

extension Duration {
    /// In one unit: `12 ms`, `3.4 s`, `-2.5 h`.
    public var brief: String {
        let (seconds, attoseconds) = components
        let nanos = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
        let units: [(String, Double)] = [("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9)]
        guard let (name, length) = units.first(where: { abs(nanos) >= $0.1 }) else {
            return "\(Int((nanos / 1e6).rounded())) ms"
        }
        let tenths = Int((nanos / length * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10) \(name)"
    }

    /// In whole seconds: `5 s`, `2 min 5 s`, `3 h 12 min`.
    public var wholeSeconds: String {
        switch components.seconds {
        case ..<60: "\(components.seconds) s"
        case let seconds where seconds < 3_600: "\(seconds / 60) min \(seconds % 60) s"
        case let seconds: "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        }
    }

    /// To the millisecond: `2 h 3 min 4.567 s`.
    public var exact: String {
        let (seconds, attoseconds) = components
        let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1) " }
        let thousandths = String(attoseconds / 1_000_000_000_000_000 + 1_000).dropFirst()
        return parts.joined() + "\(seconds % 60).\(thousandths) s"
    }
}
