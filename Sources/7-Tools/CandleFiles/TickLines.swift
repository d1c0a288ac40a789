internal import MarketData
internal import Wire

/// Ticks as lines of text: CSV, or a JSON object each. A missing side is empty or `null`; prices are exact decimals; times
/// are ISO 8601 with nanoseconds, since a JSON number of so many digits is not exact in every reader.
struct TickLines: TickSheet {
    enum Form { case csv, jsonl }

    private static let columns: [StaticString] = ["time", "receive_time", "pair", "bid", "ask", "position", "flags"]
    private static let eventColumns: [StaticString] = ["event", "detail_1", "detail_2"]
    /// So many bytes are taken at once.
    private static let fullBytes = 1 << 20

    private let form: Form
    private let columns: [StaticString]
    private var text = ByteText()
    private var names: [Pair: String] = [:]
    private var column = 0

    init(_ form: Form, hasEvents: Bool) {
        self.form = form
        columns = Self.columns + (hasEvents ? Self.eventColumns : [])
        guard form == .csv else { return }
        text.add(columns.map(\.description).joined(separator: ",") + "\n")
    }

    var isFull: Bool { text.bytes.count >= Self.fullBytes }

    mutating func take() -> [UInt8] {
        defer { text.bytes.removeAll(keepingCapacity: true) }
        return text.bytes
    }

    mutating func end() -> [UInt8] { [] }

    mutating func add(_ record: TickEnvelope) {
        column = 0
        next(isText: true) { $0.add(record.brokerTime) }
        next(isText: true) { $0.add(record.receiveTime) }
        let name = name(of: record.pair)
        if name.isEmpty { nextMissing() } else { next(isText: true) { $0.add(name) } }
        let tick = record.tick
        if let tick, !tick.flags.contains(.bidMissing) { next { $0.add(tick.bid) } } else { nextMissing() }
        if let tick, !tick.flags.contains(.askMissing) { next { $0.add(tick.ask) } } else { nextMissing() }
        next { $0.add(record.position) }
        if let tick { next { $0.add(UInt64(tick.flags.rawValue)) } } else { nextMissing() }
        if columns.count > Self.columns.count { addEvent(record.feedEvent) }
        text.add(form == .csv ? "\n" : "}\n")
    }

    private mutating func addEvent(_ event: FeedEvent?) {
        guard let event else {
            for _ in Self.eventColumns { nextMissing() }
            return
        }
        next(isText: true) { $0.add(event.name) }
        next { $0.add(event.details.0) }
        next { $0.add(event.details.1) }
    }

    /// Names and events hold letters, digits, `_` and blanks alone: nothing to quote or to escape.
    private mutating func next(isText: Bool = false, _ value: (inout ByteText) -> Void) {
        begin()
        if isText, form == .jsonl { text.add("\"") }
        value(&text)
        if isText, form == .jsonl { text.add("\"") }
    }

    private mutating func nextMissing() {
        begin()
        if form == .jsonl { text.add("null") }
    }

    private mutating func begin() {
        let name = columns[column]
        switch form {
        case .csv: if column > 0 { text.add(",") }
        case .jsonl:
            text.add(column > 0 ? ",\"" : "{\"")
            text.add(name)
            text.add("\":")
        }
        column += 1
    }

    /// Empty: the whole feed.
    private mutating func name(of pair: Pair) -> String {
        if let name = names[pair] { return name }
        let name = pair.description
        names[pair] = name
        return name
    }
}

/// Text as bytes, without a string for each number.
struct ByteText {
    var bytes: [UInt8] = []
    private var second = Int64.min
    private var secondText: [UInt8] = []

    mutating func add(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func add(_ number: UInt64) {
        if number >= 10 { add(number / 10) }
        bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    mutating func add(_ number: Int64) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        add(number.magnitude)
    }

    /// ISO 8601: `2026-05-12T09:57:11.767000000Z`.
    mutating func add(_ time: UTCNanos) {
        let whole = time.seconds
        if whole.rawValue != second { (second, secondText) = (whole.rawValue, Array(time.text(separator: "T").utf8)) }
        bytes.append(contentsOf: secondText)
        addFraction(UInt64(time.rawValue - whole.rawValue * UTCNanos.perSecond), decimals: 9)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// As `Price.description`: exact, with no decimal more than it needs.
    mutating func add(_ price: Price) {
        if price.rawValue < 0 { bytes.append(UInt8(ascii: "-")) }
        add(price.rawValue.magnitude / UInt64(Price.unitsPerOne))
        var (fraction, decimals) = (price.rawValue.magnitude % UInt64(Price.unitsPerOne), 9)
        guard fraction > 0 else { return }
        while fraction % 10 == 0 { (fraction, decimals) = (fraction / 10, decimals - 1) }
        addFraction(fraction, decimals: decimals)
    }

    private mutating func addFraction(_ value: UInt64, decimals: Int) {
        bytes.append(UInt8(ascii: "."))
        let end = bytes.count + decimals
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: decimals))
        var (rest, place) = (value, end - 1)
        while rest > 0 {
            bytes[place] += UInt8(rest % 10)
            (rest, place) = (rest / 10, place - 1)
        }
    }
}
