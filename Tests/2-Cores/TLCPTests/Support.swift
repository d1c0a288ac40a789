@testable import TLCP

/// Hands a text's bytes to a body.
func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Array(text.utf8).withUnsafeBytes(body)
}

/// All that a line reader makes of a text that arrives in these chunks.
func lines(_ chunks: [[UInt8]], lengthMax: Int = 1 << 20) -> [String] {
    var reader = LineReader(lengthMax: lengthMax)
    var all: [String] = []
    for chunk in chunks {
        chunk.withUnsafeBytes { bytes in
            var rest = bytes
            while let piece = reader.next(&rest) {
                switch piece {
                case .line(let line): all.append(String(decoding: line, as: UTF8.self))
                case .overlong: all.append("‹overlong›")
                }
            }
        }
    }
    return all
}

/// The fields of one item after each update, as text: `~` is null; a `*` follows what the update sent.
struct Fields: ~Copyable {
    var state: ItemState

    init(_ count: Int) { state = ItemState(fieldCount: count, hasSnapshot: false, snapshotIsOneUpdate: false) }

    deinit { state.deallocate() }

    mutating func take(_ values: String) -> String {
        withBytes(values) { bytes in
            if let error = state.take(bytes) { return "error: \(error)" }
            let update = FieldUpdate(
                subscription: 0, item: 1, fieldCount: state.fieldCount, flags: [], slots: UnsafePointer(state.slots))
            return (0..<state.fieldCount).map { (update.text($0) ?? "~") + (update.isChanged($0) ? "*" : "") }
                .joined(separator: " ")
        }
    }
}

/// A session with a scripted transport and a clock that the test turns.
struct Script: ~Copyable {
    var session: ClientSession
    var sink = Trace()
    var now = Duration.zero
    /// The transport opened last.
    var transport: TransportID?
    var posted: TransportID?

    struct Trace: SessionSink {
        var text: [String] = []

        mutating func updated(_ update: FieldUpdate) {
            let fields = (0..<update.fieldCount).map { update.text($0) ?? "~" }.joined(separator: "|")
            let marks =
                (update.flags.contains(.snapshot) ? " snapshot" : "")
                + (update.flags.contains(.recovered) ? " recovered" : "")
            text.append("U \(update.subscription).\(update.item) \(fields)\(marks)")
        }

        mutating func happened(_ event: SessionEvent) { text.append("\(event)") }
    }

    init(_ change: (inout SessionOptions) -> Void = { _ in }) {
        // The example's own; nothing connects to it.
        var options = SessionOptions(
            endpoint: Endpoint("https://demo-apd.marketdatasystems.com")!, user: "ABC12", password: "CST-a|XST-b")
        change(&options)
        session = ClientSession(options: options, seed: 1)
    }

    /// Two ticks of 15.1.
    static let ticks = SubscriptionRequest(
        mode: .distinct, items: ["CHART:CS.D.EURUSD.CFD.IP:TICK", "CHART:CS.D.USDJPY.CFD.IP:TICK"],
        fields: ["BID", "OFR", "LTV", "UTM"])

    mutating func start() { session.start(now: now, into: &sink) }

    /// Actions and events since the last call.
    mutating func trace() -> [String] {
        var all = sink.text
        sink.text = []
        for action in session.takeActions() {
            switch action {
            case .openWebSocket(let id, let endpoint, let subprotocol):
                transport = id
                all.append("> open \(endpoint.webSocketURL) \(subprotocol)")
            case .openStream(let id, let endpoint, let path, let body):
                transport = id
                all.append("> stream \(endpoint.httpURL)\(path) \(Script.text(body))")
            case .send(_, let message): all.append("> \(Script.text(message))")
            case .post(let id, let endpoint, let path, let body):
                posted = id
                all.append("> post \(endpoint.httpURL)\(path) \(Script.text(body))")
            case .close: all.append("> close")
            }
        }
        return all
    }

    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            .joined(separator: "⏎")
    }

    mutating func opened() {
        if let transport { session.transportOpened(transport, now: now) }
    }

    mutating func closed(_ reason: String = "reset") {
        if let transport { session.transportClosed(transport, reason: reason, now: now, into: &sink) }
    }

    mutating func receive(_ lines: String...) {
        guard let transport else { return }
        for line in lines {
            Array((line + "\r\n").utf8).withUnsafeBytes {
                session.received($0, from: transport, now: now, into: &sink)
            }
        }
        session.burstEnded(now: now, into: &sink)
    }

    mutating func wait(_ duration: Duration) {
        let end = now + duration
        while let next = session.nextDeadline, next <= end {
            now = max(now, next)
            session.timePassed(now: now, into: &sink)
            // A deadline that stays in the past would be a busy loop in the shell.
            if let again = session.nextDeadline, again <= now, !session.hasActions { now += .milliseconds(1) }
            if session.hasActions { break }
        }
        now = max(now, session.hasActions ? now : end)
    }

    /// Runs 15.1 up to the data notification `#count` (2 … 8).
    mutating func play(upTo count: Int = 8) {
        _ = session.subscribe(Script.ticks, now: now)
        start()
        _ = trace()
        opened()
        _ = trace()
        receive(
            "WSOK", "CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "SERVNAME,Lightstreamer HTTPS NSE Listener",
            "CLIENTIP,172.28.3.205", "CONS,unlimited", "REQOK,1")
        for line in Script.data.prefix(count) { receive(line) }
        _ = trace()
    }

    /// The data notifications of 15.1.
    static let data = [
        "SUBOK,1,2,4", "CONF,1,unlimited,filtered", "U,1,1,1.16458|1.16468|1|1779709103150", "EOS,1,1",
        "U,1,2,143.214|143.225|1|1779709101870", "EOS,1,2", "U,1,1,1.16459|1.16469||1779709104020",
        "U,1,2,143.216|^2|1779709104377", "U,1,1,^4", "U,1,1,#|#|#|1779709199001",
        "U,1,2,143.219|143.230||1779709199950",
    ]
}
