import MarketData
import NIOCore
@testable import Simulation
import Testing

/// Faults of subscriptions and items, each switched on and off again.
@Suite struct FaultTests {
    private let epic = "CS.D.EURUSD.CFD.IP"
    private let eurusd = "CHART:CS.D.EURUSD.CFD.IP:TICK"
    private let minute = "CHART:CS.D.EURUSD.CFD.IP:1MINUTE"
    private let heartbeat = "TRADE:HB.U.HEARTBEAT.IP"

    /// One tick a second, of which `1.11` is the first.
    private func broker(ticks count: Int64 = 6) -> FakeBroker {
        FakeBroker([("EUR_USD", (0..<count).map { tick(500 + 1_000 * $0, "1.1\($0 + 1)", "1.2") })])
    }

    private func add(_ id: Int, _ group: String, mode: String = "DISTINCT", schema: String = "BID OFR") -> String {
        "control\r\nLS_reqId=\(id)&LS_op=add&LS_subId=\(id)&LS_mode=\(mode)&LS_group=\(group)&LS_schema=\(schema)"
    }

    /// A session with the ticks as subscription 1; nothing left to read.
    private func subscribed(_ broker: FakeBroker) throws -> FakePeer {
        let peer = try broker.session()
        try broker.send(add(1, eurusd), from: peer)
        _ = peer.take()
        return peer
    }

    private func apply(_ broker: FakeBroker, _ text: String) throws {
        broker.server.apply(try #require(Fault(text)))
    }

    private func step(_ broker: FakeBroker, seconds: Int64) {
        _ = broker.market.step(until: FixtureTime.start + seconds * 1_000_000_000, budget: 10_000)
        broker.server.flush()
    }

    @Test(arguments: ["unsubscribe=CS.D.EURUSD.CFD.IP:60", "unsubscribe=all:60"])
    func `an ended subscription is refused for its time, then taken`(fault: String) throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try broker.send(add(2, heartbeat, mode: "MERGE", schema: "HEARTBEAT"), from: peer)
        _ = peer.take()
        try apply(broker, fault)
        step(broker, seconds: 2)
        #expect(peer.take().filter { !$0.hasPrefix("U,2,") } == ["UNSUB,1"])
        try broker.send(add(3, eurusd), from: peer, now: 59_999_999_999)
        #expect(peer.take() == ["REQERR,3,-1,Invalid account type"])
        try broker.send(add(4, eurusd), from: peer, now: 60_000_000_000)
        #expect(peer.take().prefix(2) == ["REQOK,4", "SUBOK,4,1,2"])
    }

    @Test(arguments: ["unsubscribe=CS.D.EURUSD.CFD.IP", "unsubscribe=all"])
    func `an ended subscription without a time is refused until clear`(fault: String) throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, fault)
        try broker.send(add(3, eurusd), from: peer, now: 1 << 60)
        #expect(peer.take() == ["UNSUB,1", "REQERR,3,-1,Invalid account type"])
        try apply(broker, "clear")
        try broker.send(add(4, eurusd), from: peer, now: 1 << 60)
        #expect(peer.take().first == "REQOK,4")
    }

    @Test func `another epic's end ends nothing, and 0 seconds refuse nothing`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "unsubscribe=CS.D.EURUSD.MINI.IP")
        #expect(peer.take() == [])
        try apply(broker, "unsubscribe=\(epic):0")
        try broker.send(add(2, eurusd), from: peer)
        #expect(peer.take().prefix(2) == ["UNSUB,1", "REQOK,2"])
    }

    @Test func `a filter is announced, drops what is above it, and its end is announced`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "filter=\(epic):0.5")
        step(broker, seconds: 4)
        #expect(peer.take() == ["CONF,1,0.5,filtered", "U,1,1,1.11|1.2", "U,1,1,1.13|"])
        try broker.send(add(2, eurusd), from: peer)
        #expect(peer.take() == ["REQOK,2", "SUBOK,2,1,2", "CONF,2,0.5,filtered"])
        try broker.send(add(3, eurusd) + "&LS_requested_max_frequency=unfiltered", from: peer)
        #expect(peer.take() == ["REQERR,3,26,Unfiltered dispatching not allowed"])
        try broker.send("control\r\nLS_reqId=4&LS_op=delete&LS_subId=2", from: peer)
        _ = peer.take()
        try apply(broker, "unfilter=\(epic)")
        step(broker, seconds: 6)
        #expect(peer.take() == ["CONF,1,unlimited,filtered", "U,1,1,1.15|", "U,1,1,1.16|"])
    }

    @Test func `clear announces the end of a filter too`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "filter=\(epic):20.0")
        try apply(broker, "clear")
        #expect(peer.take() == ["CONF,1,20.0,filtered", "CONF,1,unlimited,filtered"])
    }

    @Test func `a filter merges the states of a candle`() throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send(add(1, minute, mode: "MERGE", schema: "BID_CLOSE CONS_TICK_COUNT"), from: peer)
        broker.market.start(subscribed: [broker.market.pairs[0].pair])
        _ = peer.take()
        try apply(broker, "filter=\(epic):0.4")
        step(broker, seconds: 6)
        #expect(peer.take() == ["CONF,1,0.4,filtered", "U,1,1,1.11|1", "U,1,1,1.13|3", "U,1,1,1.16|6"])
    }

    @Test func `every third tick is lost without a word, until clear`() throws {
        let broker = broker(ticks: 9)
        let peer = try subscribed(broker)
        try apply(broker, "drop=3")
        step(broker, seconds: 6)
        #expect(peer.take() == ["U,1,1,1.11|1.2", "U,1,1,1.12|", "U,1,1,1.14|", "U,1,1,1.15|"])
        try apply(broker, "clear")
        step(broker, seconds: 9)
        #expect(peer.take().count == 3)
    }

    @Test func `an item falls silent and speaks again`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "silent-item=\(eurusd)")
        step(broker, seconds: 2)
        #expect(peer.take() == [])
        try apply(broker, "clear")
        step(broker, seconds: 3)
        #expect(peer.take() == ["U,1,1,1.13|1.2"])
    }

    @Test func `a line without an end keeps the bytes coming, and ends as a NOOP`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "endless-line=4")
        for turn in 1...100 { broker.server.tick(now: Int64(turn) * 100_000_000) }
        step(broker, seconds: 1)
        #expect(peer.text == "NOOP," + String(repeating: ".", count: 400))
        try apply(broker, "clear")
        #expect(peer.take().last == "U,1,1,1.11|1.2")
        #expect(!peer.text.contains("PROBE"))
    }

    @Test func `a zombie lives until it is deleted`() throws {
        let broker = broker()
        let peer = try subscribed(broker)
        try apply(broker, "zombie")
        #expect(peer.take() == ["SUBOK,1000001,1,3", "CONF,1000001,unlimited,filtered"])
        #expect(broker.server.sessions.values.first?.itemCount == 1)
        step(broker, seconds: 1)
        #expect(peer.take() == ["U,1,1,1.11|1.2", "U,1000001,1,1.11|1.2|1398902400500"])
        try broker.send("control\r\nLS_reqId=2&LS_op=delete&LS_subId=1000001", from: peer)
        #expect(peer.take() == ["REQOK,2", "UNSUB,1000001"])
        try apply(broker, "zombie")
        _ = peer.take()
        try apply(broker, "clear")
        #expect(broker.server.sessions.values.first?.subscriptions.keys.sorted() == [1])
    }

    @Test func `one update has a field too few, and the next has all`() throws {
        let broker = FakeBroker([
            ("EUR_USD", (0..<3).map { tick(500 + 1_000 * $0, "1.1\($0 + 1)", "1.2\($0 + 1)") })
        ])
        let peer = try subscribed(broker)
        step(broker, seconds: 1)
        try apply(broker, "short-update")
        step(broker, seconds: 3)
        #expect(peer.take() == ["U,1,1,1.11|1.21", "U,1,1,1.12", "U,1,1,1.13|1.23"])
    }

    @Test func `a newer version is taken, refused while the fault lasts, and taken again`() throws {
        let broker = broker()
        for (fault, start) in [("clear", "CONOK,"), ("protocol-max=2.4.0", "CONERR,65,Unsup"), ("clear", "CONOK,")] {
            try apply(broker, fault)
            let peer = try broker.peer(version: "2.5.0")
            try broker.send("create_session\r\nLS_user=ABC12&LS_password=secret&LS_cid=c", from: peer)
            #expect(peer.take().first?.hasPrefix(start) == true)
        }
    }

    @Test func `a request that would exceed the limit is refused as a whole`() throws {
        let broker = broker()
        let peer = try broker.session()
        let group = { (count: Int) in Array(repeating: eurusd, count: count).joined(separator: " ") }
        try broker.send(add(1, group(39)), from: peer)
        try broker.send(add(2, group(2)), from: peer)
        #expect(peer.take().last == "REQERR,2,-1,Subscription limit exceeded")
        try broker.send(add(3, group(1)), from: peer)
        #expect(peer.take().first == "REQOK,3")
    }

    @Test func `an account's own limit takes the place of the common one`() throws {
        let broker = broker()
        broker.server.itemsMax = { $0 == "ABC12" ? 2 : nil }
        let peer = try broker.session()
        try broker.send(add(1, "\(eurusd) \(eurusd)"), from: peer)
        try broker.send(add(2, eurusd), from: peer)
        #expect(peer.take().last == "REQERR,2,-1,Subscription limit exceeded")
    }

    @Test func `what was sent is kept in little more memory than it has bytes`() {
        var log = SentLog(bytesMax: 100_000)
        for number in 0..<20_000 {
            var line = ByteBuffer(string: "U,1,1,1.\(10_000 + number)|1.2\r\n")
            line.reserveCapacity(16_384)
            log.append(line, lines: 1)
        }
        #expect(log.capacity < 300_000)
        #expect(log.last == 20_000)
        let kept = log.last - log.dropped
        #expect((4_000...6_000).contains(kept))
        #expect(
            log.lines(after: 19_998)?.map { String(buffer: $0) }.joined()
                == "U,1,1,1.29998|1.2\r\nU,1,1,1.29999|1.2\r\n")
        #expect(log.lines(after: log.dropped)?.reduce(0) { $0 + $1.readableBytes } == kept * 19)
        #expect(log.lines(after: log.dropped - 1) == nil)
    }

    @Test func `a waiting newest state keeps the place of the state that it replaces`() throws {
        let broker = broker(ticks: 2)
        let peer = try broker.session()
        try broker.send(add(2, heartbeat, mode: "MERGE", schema: "HEARTBEAT"), from: peer)
        try broker.send(add(1, eurusd), from: peer)
        _ = peer.take()
        peer.isWritable = false
        step(broker, seconds: 2)
        peer.isWritable = true
        broker.server.outletWritable(peer)
        #expect(peer.take() == ["U,1,1,1.11|1.2", "U,2,1,1398902402", "U,1,1,1.12|"])
    }

    @Test func `the help names every word, and every word of it is read`() {
        #expect(FaultWord.all.allSatisfy { Fault.syntax.contains($0.word) })
        #expect(Fault.syntax.split(separator: "\n").allSatisfy { $0.utf8.count <= 76 })
        #expect(Fault("clear") == .clear)
        #expect(Fault("clear=1") == nil)
    }
}
