/// Makes a capture of the lines of its file: applies the differences between updates, and leaves out what
/// the broker sent again after a cut, as the client did. Source: docs/formats.md § 6.
struct CaptureParser: LineParser {
    /// A line of the protocol, as long as the client takes them, with its time.
    static let lineBytesMax = (1 << 20) + 64
    static let needsLastEnd = true
    static let header = "candlewick-capture 1"

    private struct Asked {
        let names: [String]
        let fields: [String]
        let mode: ItemMode
        /// No update had come when it was asked for.
        let isInitial: Bool
        /// The place of each name among `items`, once the broker has accepted.
        var items: [Int] = []
    }

    private var items: [Capture.Item] = []
    private var values: [FieldValue] = []
    private var acts: [Capture.Act] = []
    private var time: Int64 = 0

    // The present session.
    private var act = Capture.Act()
    private var session: String?
    private var isBound = false
    private var asked: [Int: Asked] = [:]
    /// The place of each item's last values.
    private var last: [Int: Int] = [:]
    /// Data notifications so far, and the number of the last one; lower: known ones are coming again.
    private var received = 0
    private var serverAt = 0

    mutating func take(_ line: ArraySlice<UInt8>, number: Int) throws(LineRefusal) {
        if number == 1 {
            guard line.elementsEqual(Self.header.utf8) else {
                throw LineRefusal("the first line must be `\(Self.header)`")
            }
            return
        }
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count == 3, parts[1].count == 1, let direction = parts[1].first else {
            throw LineRefusal("expected time, direction and text")
        }
        // A clock that was set back does not turn the order around.
        time = max(time, try nanoseconds(parts[0]))
        switch direction {
        case UInt8(ascii: "<"): try serverLine(parts[2])
        case UInt8(ascii: ">"): try requested(parts[2])
        case UInt8(ascii: "!"): try connection(parts[2])
        default: throw LineRefusal("the direction `\(shown(parts[1]))` is not `<`, `>` or `!`")
        }
    }

    mutating func finish() throws(LineRefusal) -> Capture {
        closeAct(nil)
        guard !acts.isEmpty else { throw LineRefusal("it holds no updates") }
        // Behind the last update nothing is left to be played.
        acts[acts.count - 1].ending = nil
        return Capture(items: items, values: values, acts: acts)
    }

    // MARK: Connections and sessions

    private mutating func connection(_ text: ArraySlice<UInt8>) throws(LineRefusal) {
        switch text.split(separator: UInt8(ascii: " "), maxSplits: 1).first.map({ shown($0) }) {
        case "open": break
        case "end":
            if isBound { add(.cut) }
            isBound = false
        default: throw LineRefusal("`\(shown(text))` is neither an opening nor an end of a connection")
        }
    }

    private mutating func opened(_ name: String) {
        if name != session {
            closeAct(.lost)
            (session, asked, last, received, serverAt) = (name, [:], [:], 0, 0)
        }
        isBound = true
    }

    private mutating func closeAct(_ ending: Capture.Ending?) {
        defer { act = Capture.Act() }
        if act.ending == nil { (act.ending, act.endTime) = (ending, time) }
        while let event = act.events.last, event.step == .cut || event.step == .loop {
            act.endTime = min(act.endTime, event.time)
            act.events.removeLast()
        }
        // A broker that goes on behind its `END` does not turn the order around.
        act.endTime = max(act.endTime, act.events.last?.time ?? 0)
        if !act.awaited.isEmpty { acts.append(act) }
    }

    private mutating func add(_ step: Capture.Step) { act.events.append(Capture.Event(time: time, step: step)) }

    // MARK: Requests

    private mutating func requested(_ text: ArraySlice<UInt8>) throws(LineRefusal) {
        let parts = text.split(separator: UInt8(ascii: " "), maxSplits: 1)
        guard parts.count == 2, parts[0].elementsEqual("control".utf8) else { return }
        guard let parameters = RequestParameters(line: parts[1]) else { throw LineRefusal("malformed request") }
        guard parameters["LS_op"] == "add" else { return }
        let names = parameters.words("LS_group")
        let fields = parameters.words("LS_schema")
        guard let id = parameters.count("LS_subId"), !names.isEmpty, !fields.isEmpty else {
            throw LineRefusal("a subscription without number, items or fields")
        }
        guard let mode = parameters["LS_mode"].flatMap({ ItemMode(rawValue: $0) }) else {
            throw LineRefusal("a subscription in a mode other than MERGE and DISTINCT")
        }
        let isInitial = !act.events.contains { if case .update = $0.step { true } else { false } }
        asked[id] = Asked(names: names, fields: fields, mode: mode, isInitial: isInitial)
    }

    // MARK: Lines of the broker

    private mutating func serverLine(_ line: ArraySlice<UInt8>) throws(LineRefusal) {
        let tag = line.prefix { $0 != UInt8(ascii: ",") }
        let rest = line.dropFirst(tag.count + 1)
        switch shown(tag) {
        case "U": if isNew() { try update(rest) }
        case "CONOK": opened(shown(rest.prefix { $0 != UInt8(ascii: ",") }))
        case "PROG": serverAt = try whole(rest, 1)[0]
        case "LOOP":
            add(.loop)
            isBound = false
        case "END":
            (act.ending, act.endTime) = (.ended(code: Int(shown(rest.prefix { $0 != UInt8(ascii: ",") })) ?? 0), time)
            isBound = false
        case "SUBOK": if isNew() { try accepted(try whole(rest, 3)) }
        case "EOS": if isNew() { try notice(.endOfSnapshot, try whole(rest, 2)) }
        case "CS": if isNew() { try notice(.snapshotCleared, try whole(rest, 2)) }
        case "OV":
            guard isNew() else { return }
            let numbers = try whole(rest, 3)
            try notice(.updatesLost(numbers[2]), numbers)
        case "UNSUB": if isNew() { asked[try whole(rest, 1)[0]] = nil }
        case "CONF", "SUBCMD", "MSGDONE", "MSGFAIL": _ = isNew()
        default: break
        }
    }

    /// Counts a data notification.
    private mutating func isNew() -> Bool {
        serverAt += 1
        guard serverAt > received else { return false }
        received = serverAt
        return true
    }

    private mutating func accepted(_ numbers: [Int]) throws(LineRefusal) {
        guard let wanted = asked[numbers[0]], wanted.names.count == numbers[1], wanted.fields.count == numbers[2] else {
            throw LineRefusal("SUBOK of a subscription that was not requested")
        }
        var indices: [Int] = []
        for name in wanted.names {
            let item = Capture.Item(name: name, mode: wanted.mode, fields: wanted.fields)
            let index = items.firstIndex { $0.name == name } ?? items.count
            if index == items.count { items.append(item) }
            guard items[index] == item, !asked.values.contains(where: { $0.items.contains(index) }) else {
                throw LineRefusal("the item \(name) is subscribed to twice")
            }
            indices.append(index)
            if wanted.isInitial { act.initial.insert(index) }
        }
        asked[numbers[0]]?.items = indices
    }

    private func index(_ subscription: Int, _ number: Int) throws(LineRefusal) -> Int {
        guard let items = asked[subscription]?.items, items.indices.contains(number - 1) else {
            throw LineRefusal("item \(number) of subscription \(subscription) was not subscribed to")
        }
        return items[number - 1]
    }

    private mutating func notice(_ notice: ItemNotice, _ numbers: [Int]) throws(LineRefusal) {
        add(.notice(item: try index(numbers[0], numbers[1]), notice))
    }

    private mutating func update(_ rest: ArraySlice<UInt8>) throws(LineRefusal) {
        let parts = rest.split(separator: UInt8(ascii: ","), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw LineRefusal("malformed update") }
        let item = try index(try whole(parts[0]), try whole(parts[1]))
        let start = values.count
        let count = items[item].fields.count
        for token in parts[2].split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false) {
            try take(token, previous: last[item], start: start)
            guard values.count <= start + count else { throw LineRefusal("an update of too many fields") }
        }
        guard values.count == start + count else { throw LineRefusal("an update of too few fields") }
        last[item] = start
        add(.update(item: item, values: start))
    }

    /// Source: TLCP § Values of U.
    private mutating func take(_ token: ArraySlice<UInt8>, previous: Int?, start: Int) throws(LineRefusal) {
        guard token.isEmpty || token.first == UInt8(ascii: "^") else {
            guard let value = FieldValue(token: token) else {
                throw LineRefusal("`\(shown(token))` is neither a decimal number nor a text of at most 8 bytes")
            }
            return values.append(value)
        }
        let run = token.isEmpty ? 1 : Int(shown(token.dropFirst()))
        // The bound is that of the item's fields; the caller reports it if it is passed.
        guard let run, (1...1_000).contains(run) else { throw LineRefusal("`\(shown(token))` cannot be played") }
        guard let previous else { throw LineRefusal("an unchanged field without an earlier value") }
        for _ in 0..<run { values.append(values[previous + values.count - start]) }
    }

    private func whole(_ text: ArraySlice<UInt8>) throws(LineRefusal) -> Int {
        guard (1...9).contains(text.count), let number = Int(shown(text)), number >= 0 else {
            throw LineRefusal("`\(shown(text))` is not a number")
        }
        return number
    }

    private func whole(_ text: ArraySlice<UInt8>, _ count: Int) throws(LineRefusal) -> [Int] {
        var numbers: [Int] = []
        for part in text.split(separator: UInt8(ascii: ",")) { numbers.append(try whole(part)) }
        guard numbers.count == count else { throw LineRefusal("expected \(count) numbers behind the tag") }
        return numbers
    }
}
