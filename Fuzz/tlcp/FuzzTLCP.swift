/// libFuzzer's entry: the first byte chooses how the rest is cut into chunks and what happens between
/// them, the rest goes into a session that is bound with two subscriptions. Built together with the
/// library's sources by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1, let endpoint = Endpoint("https://example.com") else { return 0 }
    let mode = data[0]
    let input = UnsafeRawBufferPointer(start: data + 1, count: count - 1)
    var options = SessionOptions(endpoint: endpoint)
    options.lineLengthMax = 4_096
    if mode & 1 == 1 { options.transports = .httpOnly }
    var session = ClientSession(options: options, seed: UInt64(mode))
    var sink = FuzzSink()
    var now = Duration.zero
    for fields in [["BID", "OFR", "UTM"], ["HEARTBEAT"]] {
        let mode: SubscriptionRequest.Mode = fields.count == 1 ? .merge : .distinct
        _ = session.subscribe(SubscriptionRequest(mode: mode, items: ["a", "b"], fields: fields), now: now)
    }
    session.start(now: now, into: &sink)
    var driver = FuzzDriver()
    driver.perform(&session, now)
    driver.feed(&session, "WSOK\r\nCONOK,S1,50000,5000,*\r\nSUBOK,1,2,3\r\nSUBOK,2,2,1\r\n", now, &sink)
    var rest = input
    while !rest.isEmpty {
        let size = min(rest.count, Int(mode >> 3) + 1)
        driver.feed(&session, UnsafeRawBufferPointer(rebasing: rest[..<size]), now, &sink)
        rest = UnsafeRawBufferPointer(rebasing: rest[size...])
        driver.perform(&session, now)
        now += .milliseconds(mode & 2 == 2 ? 3_000 : 10)
        session.timePassed(now: now, into: &sink)
        if mode & 4 == 4, let id = driver.transport {
            session.transportClosed(id, reason: "fuzz", now: now, into: &sink)
        }
        driver.perform(&session, now)
    }
    return 0
}

/// Touches every byte that it is given, so that the address sanitizer sees them.
private struct FuzzSink: SessionSink {
    var sum: UInt64 = 0

    mutating func updated(_ update: FieldUpdate) {
        for field in 0..<update.fieldCount {
            for byte in update[field] ?? UnsafeRawBufferPointer(start: nil, count: 0) { sum &+= UInt64(byte) }
            if update.isChanged(field) { sum &+= 1 }
        }
    }

    mutating func happened(_ event: SessionEvent) { sum &+= UInt64("\(event)".utf8.count) }
}

private struct FuzzDriver {
    var transport: TransportID?

    mutating func perform(_ session: inout ClientSession, _ now: Duration) {
        for action in session.takeActions() {
            switch action {
            case .openWebSocket(let id, _, _):
                transport = id
                session.transportOpened(id, now: now)
            case .openStream(let id, _, _, _): transport = id
            case .post(let id, _, _, _): session.postFailed(id, now: now)
            case .send, .close: break
            }
        }
    }

    func feed(
        _ session: inout ClientSession, _ bytes: UnsafeRawBufferPointer, _ now: Duration, _ sink: inout FuzzSink
    ) {
        guard let transport else { return }
        session.received(bytes, from: transport, now: now, into: &sink)
        session.burstEnded(now: now, into: &sink)
    }

    func feed(_ session: inout ClientSession, _ text: String, _ now: Duration, _ sink: inout FuzzSink) {
        Array(text.utf8).withUnsafeBytes { feed(&session, $0, now, &sink) }
    }
}
