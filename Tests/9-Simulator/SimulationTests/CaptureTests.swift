@testable import Simulation
import Testing

@Suite struct CaptureTests {
    private static let eurusd = "CHART:CS.D.EURUSD.CFD.IP:TICK"
    private static let heartbeat = "TRADE:HB.U.HEARTBEAT.IP"

    /// The head of a session with two subscriptions: heartbeat and EUR_USD.
    private static let head = [
        "> create_session LS_adapter_set=DEFAULT", "< CONOK,session-1,50000,5000,*",
        "> control LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=MERGE&LS_group=TRADE%3AHB.U.HEARTBEAT.IP&LS_schema=HEARTBEAT",
        "> control LS_reqId=2&LS_op=add&LS_subId=2&LS_mode=DISTINCT&LS_group=CHART%3ACS.D.EURUSD.CFD.IP%3ATICK&LS_schema=BID%20OFR%20UTM",
        "< REQOK,1", "< SUBOK,1,1,1", "< CONF,1,unlimited,filtered", "< SUBOK,2,1,3", "< CONF,2,20.0,filtered",
    ]

    /// A file of these lines, a second apart.
    private func text(_ lines: [String]) -> String {
        "candlewick-capture 1\n"
            + lines.enumerated().map { "\(1_700_000_000 + $0.offset)000000000 \($0.element)\n" }.joined()
    }

    private func capture(_ text: String, chunk: Int = .max) throws -> Capture {
        var file = PlayFile(path: "f.capture", CaptureParser())
        var rest = bytes(text)[...]
        while !rest.isEmpty {
            try file.take(rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
        }
        return try file.finish()
    }

    private func broker(_ lines: [String]) throws -> FakeBroker {
        FakeBroker(Market(CapturePlay(try capture(text(Self.head + lines)))))
    }

    private func add(_ id: Int, _ group: String, mode: String, schema: String) -> String {
        "control\r\nLS_reqId=\(id)&LS_op=add&LS_subId=\(id)&LS_mode=\(mode)&LS_group=\(group)&LS_schema=\(schema)&LS_snapshot=true"
    }

    /// Subscribes to both, under other numbers than those of the capture.
    private func subscribed(_ broker: FakeBroker) throws -> FakePeer {
        let peer = try broker.session()
        try broker.send(add(7, Self.eurusd, mode: "DISTINCT", schema: "BID OFR UTM"), from: peer)
        try broker.send(add(9, Self.heartbeat, mode: "MERGE", schema: "HEARTBEAT"), from: peer)
        #expect(
            peer.take() == [
                "REQOK,7", "SUBOK,7,1,3", "CONF,7,unlimited,filtered", "REQOK,9", "SUBOK,9,1,1",
                "CONF,9,unlimited,filtered",
            ])
        return peer
    }

    /// Native candles are subscribed to in turn: one item ends, and is asked for again later.
    @Test func `an item that was subscribed to again is played, and the play does not wait for it`() throws {
        let native = "LS_mode=MERGE&LS_group=CHART%3ACS.D.EURUSD.CFD.IP%3A5MINUTE&LS_schema=CONS_END"
        let broker = try broker([
            "< U,1,1,1700000000", "> control LS_reqId=3&LS_op=add&LS_subId=3&\(native)", "< SUBOK,3,1,1", "< U,3,1,0",
            "< U,3,1,1", "> control LS_reqId=4&LS_op=delete&LS_subId=3", "< UNSUB,3",
            "> control LS_reqId=5&LS_op=add&LS_subId=4&\(native)", "< SUBOK,4,1,1", "< U,4,1,0",
            "< U,2,1,1.1|1.2|1700000000123",
        ])
        let peer = try subscribed(broker)
        broker.play()
        #expect(peer.take() == ["U,9,1,1700000000", "U,7,1,1.1|1.2|1700000000123"])
    }

    @Test func `who subscribes to the same gets the same, in order, under its own numbers`() throws {
        let broker = try broker([
            "< U,2,1,1.1|1.2|1700000000123", "< U,1,1,1700000000", "< EOS,2,1", "< U,2,1,#||1700000001000",
            "< U,2,1,^3", "< U,2,1,$|NaN|#", "< U,2,1,-0.50|00.1|7", "< OV,2,1,4", "< CS,2,1", "< PROBE",
            "< U,1,1,1700000002",
        ])
        let peer = try subscribed(broker)
        broker.play()
        #expect(
            peer.take() == [
                "U,7,1,1.1|1.2|1700000000123", "U,9,1,1700000000", "EOS,7,1", "U,7,1,#||1700000001000", "U,7,1,^3",
                "U,7,1,$|NaN|#", "U,7,1,-0.50|00.1|7", "OV,7,1,4", "CS,7,1", "U,9,1,1700000002",
            ])
        #expect(broker.market.phase == .finished)
        #expect(broker.market.second == 1_700_000_002)
    }

    @Test func `the play waits for every item that has updates, and for no other`() throws {
        let broker = try broker(["< U,2,1,1.1|1.2|1700000000123", "< EOS,2,1"])
        let peer = try broker.session()
        try broker.send(add(1, Self.heartbeat, mode: "MERGE", schema: "HEARTBEAT"), from: peer)
        #expect(broker.market.phase == .waiting)
        try broker.send(add(2, Self.eurusd, mode: "DISTINCT", schema: "BID OFR UTM"), from: peer)
        #expect(broker.market.phase == .running)
    }

    @Test func `who comes later gets a snapshot`() throws {
        let broker = try broker(["< U,2,1,1.1|1.2|1700000000123", "< EOS,2,1", "< U,2,1,1.3||1700000000124"])
        _ = try subscribed(broker)
        broker.play()
        let late = try broker.session()
        try broker.send(add(1, Self.eurusd, mode: "DISTINCT", schema: "UTM BID"), from: late)
        #expect(late.take().suffix(2) == ["U,1,1,1700000000124|1.3", "EOS,1,1"])
    }

    @Test func `fields that were not captured are refused`() throws {
        let broker = try broker(["< U,2,1,1.1|1.2|1700000000123"])
        let peer = try broker.session()
        try broker.send(add(1, Self.eurusd, mode: "DISTINCT", schema: "BID OFR LTV"), from: peer)
        #expect(peer.take() == ["REQERR,1,23,Invalid schema"])
    }

    @Test func `a cut is a cut, and what was sent again comes once`() throws {
        let broker = try broker([
            "< U,2,1,1.1|1.2|1700000000123", "< U,2,1,1.3||", "! end connection reset", "! open websocket",
            "> bind_session LS_recovery_from=6", "< CONOK,session-1,50000,5000,*", "< PROG,5", "< U,2,1,1.3||",
            "< U,2,1,1.4||", "! end by us",
        ])
        let peer = try subscribed(broker)
        broker.play()
        #expect(peer.isCut)
        #expect(peer.take() == ["U,7,1,1.1|1.2|1700000000123", "U,7,1,1.3||", "U,7,1,1.4||"])
        #expect(broker.server.sessions.count == 1)
    }

    @Test func `what the broker sends behind its end does not turn the order around`() throws {
        let second = Self.head.map { $0.replacingOccurrences("session-1", "session-2") }
        let acts = try capture(
            text(Self.head + ["< END,48,maximum", "< U,2,1,1.1|1.2|1700000000123"] + second + ["< U,2,1,1|2|3"])
        ).acts
        #expect(acts.count == 2 && acts[0].ending == .ended(code: 48))
        #expect(acts[0].endTime == acts[0].events.last?.time)
    }

    @Test(arguments: [["< END,48,maximum"], ["! end reset", "! open websocket"]])
    func `a session that was lost is lost, and the next one waits for its subscriptions`(ending: [String]) throws {
        let second = Self.head.map { $0.replacingOccurrences("session-1", "session-2") }
        let broker = try broker(
            ["< U,2,1,1.1|1.2|1700000000123", "< EOS,2,1"] + ending + ["! end left"] + second + [
                "< U,2,1,1.5|1.6|1700000000999", "< EOS,2,1",
            ])
        let peer = try subscribed(broker)
        broker.play()
        let lines = peer.take()
        #expect(lines.prefix(2) == ["U,7,1,1.1|1.2|1700000000123", "EOS,7,1"])
        #expect(ending.count == 1 ? lines.last == "END,48,Session closed" : peer.isCut)
        #expect(broker.server.sessions.isEmpty)
        #expect(broker.market.phase == .waiting)
        let next = try subscribed(broker)
        broker.play()
        #expect(next.take() == ["U,7,1,1.5|1.6|1700000000999", "EOS,7,1"])
        #expect(broker.market.phase == .finished)
    }

    @Test func `it keeps the pace of the capture, and market time that of its updates`() throws {
        let broker = try broker(["< U,1,1,1600000000", "< U,2,1,1.1|1.2|1600000000500", "< U,1,1,1600000060"])
        #expect(broker.market.second == 1_600_000_000)
        _ = try subscribed(broker)
        let first = Int64(1_700_000_000 + Self.head.count) * 1_000_000_000
        #expect(broker.market.moment == first)
        #expect(broker.market.step(until: first + 1_999_999_999, budget: 100) == 2)
        #expect(broker.market.second == 1_600_000_000)
        #expect(broker.market.step(until: first + 2_000_000_000, budget: 100) == 1)
        #expect(broker.market.second == 1_600_000_060)
    }

    @Test(arguments: [1, 2, 3, 7, 64]) func `it does not matter where a read ends`(chunk: Int) throws {
        let whole = text(Self.head + ["< U,2,1,1.1|1.2|1700000000123", "< EOS,2,1"])
        let (a, b) = (try capture(whole), try capture(whole, chunk: chunk))
        #expect(a.acts.map(\.events) == b.acts.map(\.events) && a.values == b.values && a.items == b.items)
    }

    @Test(arguments: [
        ("", "f.capture: empty"), ("candlewick-capture 1\n", "f.capture: it holds no updates"),
        ("candlewick-capture 2\n", "f.capture, line 1: the first line must be `candlewick-capture 1`"),
        ("candlewick-capture 1\nx < PROBE\n", "f.capture, line 2: `x` is not a time in nanoseconds since 1970"),
        ("candlewick-capture 1\n5 PROBE\n", "f.capture, line 2: expected time, direction and text"),
        ("candlewick-capture 1\n5 = PROBE\n", "f.capture, line 2: the direction `=` is not `<`, `>` or `!`"),
        ("candlewick-capture 1\n5 < PRO", "f.capture, line 2: the line has no end: the file was cut off here"),
        (
            "candlewick-capture 1\n5 ! ended\n",
            "f.capture, line 2: `ended` is neither an opening nor an end of a connection"
        ),
        ("candlewick-capture 1\n5 < U,1,1,1.1\n", "f.capture, line 2: item 1 of subscription 1 was not subscribed to"),
    ])
    func `a damaged file is refused with its line`(text: String, expected: String) {
        expectRefusal(text, expected)
    }

    @Test(arguments: [
        ("< U,2,1,1.1|1.2", "an update of too few fields"), ("< U,2,1,1.1|1.2|3|4", "an update of too many fields"),
        ("< U,2,1,1.1||3", "an unchanged field without an earlier value"),
        ("< U,2,2,1.1|1.2|3", "item 2 of subscription 2 was not subscribed to"), ("< U,2,1", "malformed update"),
        ("< U,2,1,1.1|1.2|^P[]", "`^P[]` cannot be played"), ("< U,x,1,1|2|3", "`x` is not a number"),
        ("< EOS,2", "expected 2 numbers behind the tag"),
        ("< SUBOK,5,1,1", "SUBOK of a subscription that was not requested"),
        (
            "< U,2,1,1.1|much too long|3",
            "`much too long` is neither a decimal number nor a text of at most 8 bytes"
        ),
        (
            "> control LS_op=add&LS_subId=3&LS_mode=RAW&LS_group=a&LS_schema=b",
            "a subscription in a mode other than MERGE and DISTINCT"
        ),
        ("> control LS_op=add&LS_mode=MERGE", "a subscription without number, items or fields"),
    ])
    func `a line that cannot have been received is refused`(line: String, reason: String) {
        expectRefusal(text(Self.head + [line]), "f.capture, line \(Self.head.count + 2): \(reason)")
    }

    private func expectRefusal(_ text: String, _ expected: String) {
        do {
            _ = try capture(text)
            Issue.record("accepted")
        } catch {
            #expect("\(error)" == expected)
        }
    }
}

extension String {
    fileprivate func replacingOccurrences(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
