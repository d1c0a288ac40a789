import MarketData
@testable import Simulation
import Testing

@Suite struct StreamServerTests {
    private let eurusd = "CHART:CS.D.EURUSD.CFD.IP:TICK"

    private func broker(ticks count: Int64 = 3, limits: StreamLimits = StreamLimits()) -> FakeBroker {
        let ticks = (0..<count).map { tick(1 + $0, "1.1\($0 + 1)", "1.2") }
        return FakeBroker([("EUR_USD", ticks)], limits: limits)
    }

    private func add(_ id: Int, _ group: String, mode: String = "DISTINCT", schema: String = "BID OFR") -> String {
        "control\r\nLS_reqId=\(id)&LS_op=add&LS_subId=\(id)&LS_mode=\(mode)&LS_group=\(group)&LS_schema=\(schema)&LS_snapshot=true"
    }

    @Test func `a session opens with its head`() throws {
        let broker = broker()
        let peer = try broker.peer()
        try broker.send("wsok", from: peer)
        try broker.send(
            "create_session\r\nLS_user=ABC12&LS_password=secret&LS_cid=c&LS_keepalive_millis=90000", from: peer)
        let lines = peer.take()
        #expect(lines[0] == "WSOK")
        #expect(lines[1].hasSuffix(",50000,30000,*"))
        #expect(lines.dropFirst(2) == ["SERVNAME,Lightstreamer HTTP Server", "CLIENTIP,127.0.0.1", "CONS,unlimited"])
    }

    @Test(arguments: [
        ("2.4.0", "LS_user=ABC12&LS_password=wrong&LS_cid=c", "CONERR,1,User/password check failed"),
        ("2.4.0", "LS_user=ABC12&LS_password=secret", "CONERR,65,Missing LS_cid"),
        (
            "2.4.0", "LS_user=ABC12&LS_password=secret&LS_cid=c&LS_adapter_set=X",
            "CONERR,2,Requested Adapter Set not available"
        ),
        ("2.6.0", "LS_user=ABC12&LS_password=secret&LS_cid=c", "CONERR,65,Unsupported protocol version: 2.6.0"),
    ])
    func `a session is refused for a reason`(version: String, parameters: String, answer: String) throws {
        let broker = broker()
        let peer = try broker.peer(version: version)
        try broker.send("create_session\r\n" + parameters, from: peer)
        #expect(peer.take() == [answer])
    }

    @Test func `ticks follow SUBOK, CONF and the end of the snapshot`() throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send(add(1, eurusd), from: peer)
        broker.play()
        #expect(
            peer.take() == [
                "REQOK,1", "SUBOK,1,1,2", "CONF,1,unlimited,filtered", "EOS,1,1", "U,1,1,1.11|1.2", "U,1,1,1.12|",
                "U,1,1,1.13|",
            ])
    }

    @Test func `a snapshot is the last tick, even if no client listened when it came`() throws {
        let broker = broker()
        let first = try broker.session()
        try broker.send(add(1, eurusd), from: first)
        _ = broker.market.step(until: FixtureTime.start + 1_000_000, budget: 1)
        try broker.send("control\r\nLS_reqId=2&LS_op=delete&LS_subId=1", from: first)
        broker.play()
        let second = try broker.session()
        try broker.send(add(1, eurusd), from: second)
        #expect(second.take() == ["REQOK,1", "SUBOK,1,1,2", "CONF,1,unlimited,filtered", "U,1,1,1.13|1.2", "EOS,1,1"])
    }

    @Test(arguments: [
        ("CHART:CS.D.EURUSD.CFD.IP:15MINUTE", "MERGE", "UTM", "REQERR,1,21,Invalid group"),
        ("MARKET:CS.D.EURUSD.CFD.IP", "MERGE", "BID", "REQERR,1,21,Invalid group"),
        ("CHART:CS.D.XXXYYY.CFD.IP:TICK", "DISTINCT", "BID", "REQERR,1,-1,Invalid account type"),
        (
            "CHART:CS.D.EURUSD.CFD.IP:TICK CHART:CS.D.XXXYYY.CFD.IP:TICK", "DISTINCT", "BID",
            "REQERR,1,-1,Invalid account type"
        ),
        ("CHART:CS.D.EURUSD.CFD.IP:TICK", "DISTINCT", "BIDDD", "REQERR,1,23,Invalid schema"),
        ("CHART:CS.D.EURUSD.CFD.IP:TICK", "MERGE", "BID", "REQERR,1,24,Mode not allowed for an item"),
        ("PRICE:ABC12:CS.D.EURUSD.CFD.IP", "MERGE", "BIDPRICE1", "REQERR,1,17,Data Adapter not found"),
        ("", "MERGE", "BID", "REQERR,1,21,Invalid group"),
    ])
    func `a subscription is refused for a reason`(group: String, mode: String, schema: String, answer: String) throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send(add(1, group, mode: mode, schema: schema), from: peer)
        #expect(peer.take() == [answer])
    }

    @Test func `the forty-first item is refused and the forty stay`() throws {
        let broker = broker()
        let peer = try broker.session()
        for id in 1...41 { try broker.send(add(id, eurusd), from: peer) }
        let lines = peer.take()
        #expect(lines.filter { $0.hasPrefix("SUBOK") }.count == 40)
        #expect(lines.last == "REQERR,41,-1,Subscription limit exceeded")
    }

    @Test func `after a cut exactly what is missing comes again`() throws {
        let broker = broker()
        let peer = try broker.session()
        let id = try #require(peer.lastSession)
        try broker.send(add(1, eurusd), from: peer)
        broker.play()
        broker.server.outletClosed(peer, now: 1)
        let second = try broker.peer()
        try broker.send("bind_session\r\nLS_session=\(id)&LS_recovery_from=4", from: second, now: 2)
        #expect(second.take().dropFirst() == ["CONS,unlimited", "PROG,4", "U,1,1,1.12|", "U,1,1,1.13|"])
    }

    @Test func `a position that was never reached or is no longer kept cannot be recovered`() throws {
        var limits = StreamLimits()
        limits.recoveryBytes = 20
        let broker = broker(limits: limits)
        let peer = try broker.session()
        let id = try #require(peer.lastSession)
        try broker.send(add(1, eurusd), from: peer)
        broker.play()
        for position in ["0", "99"] {
            let second = try broker.peer()
            try broker.send("bind_session\r\nLS_session=\(id)&LS_recovery_from=\(position)", from: second)
            #expect(second.take() == ["CONERR,4,Recovery position not available"])
        }
    }

    @Test func `a session that waited too long is unknown`() throws {
        let broker = broker()
        let peer = try broker.session()
        let id = try #require(peer.lastSession)
        broker.server.outletClosed(peer, now: 0)
        broker.server.tick(now: 12_999_000_000)
        #expect(broker.server.sessions.count == 1)
        broker.server.tick(now: 13_000_000_000)
        let second = try broker.peer()
        try broker.send("bind_session\r\nLS_session=\(id)&LS_recovery_from=0", from: second)
        #expect(second.take() == ["CONERR,20,Session not found"])
    }

    @Test func `updates wait for a client that is away, and values go on from the ones before`() throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send(add(1, eurusd), from: peer)
        try broker.send("control\r\nLS_reqId=2&LS_op=force_rebind", from: peer)
        #expect(peer.take().suffix(2) == ["REQOK,2", "LOOP,0"])
        broker.play()
        #expect(peer.take().isEmpty)
        try broker.send("bind_session\r\nLS_send_sync=false", from: peer)
        #expect(peer.take().dropFirst(2) == ["U,1,1,1.11|1.2", "U,1,1,1.12|", "U,1,1,1.13|"])
    }

    @Test func `a client that does not read loses the oldest ticks beyond its buffer`() throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send(
            add(1, eurusd) + "&LS_requested_buffer_size=2&LS_requested_max_frequency=unfiltered", from: peer)
        _ = peer.take()
        peer.isWritable = false
        broker.play()
        peer.isWritable = true
        broker.server.outletWritable(peer)
        #expect(peer.take() == ["OV,1,1,1", "U,1,1,1.12|1.2", "U,1,1,1.13|"])
    }

    @Test func `losses while a client is away come as one OV`() throws {
        let broker = broker(ticks: 9)
        let peer = try broker.session()
        try broker.send(
            add(1, eurusd) + "&LS_requested_buffer_size=2&LS_requested_max_frequency=unfiltered", from: peer)
        try broker.send("control\r\nLS_reqId=2&LS_op=force_rebind", from: peer)
        _ = peer.take()
        broker.play()
        try broker.send("bind_session\r\n", from: peer)
        #expect(peer.take().dropFirst(2) == ["OV,1,1,7", "U,1,1,1.18|1.2", "U,1,1,1.19|"])
    }

    @Test func `PROBE comes after the keep-alive and a stream over HTTP loops at its content length`() throws {
        let broker = broker(ticks: 200)
        let peer = try broker.session()
        broker.server.tick(now: 4_999_000_000)
        #expect(peer.take().isEmpty)
        broker.server.tick(now: 5_000_000_000)
        #expect(peer.take() == ["PROBE"])
        let http = try broker.peer(isHTTP: true)
        try broker.send(
            "create_session\r\nLS_user=ABC12&LS_password=secret&LS_cid=c&LS_content_length=3000", from: http)
        let id = try #require(http.lastSession)
        try broker.send(add(1, eurusd) + "&LS_session=\(id)", from: try broker.peer(isHTTP: true))
        broker.play()
        #expect(http.lines.last == "LOOP,0")
        #expect(http.isEnded)
        #expect(http.text.utf8.count <= 3_000)
    }

    @Test func `a second stream on one socket is refused and a destroyed session is gone`() throws {
        let broker = broker()
        let peer = try broker.session()
        try broker.send("create_session\r\nLS_user=ABC12&LS_password=secret&LS_cid=c", from: peer)
        #expect(peer.take().first?.hasPrefix("CONERR,69,") == true)
        try broker.send("control\r\nLS_reqId=9&LS_op=destroy", from: peer)
        #expect(peer.take() == ["REQOK,9", "END,31,Destroy invoked by client"])
        #expect(broker.server.sessions.isEmpty)
    }

    @Test func `a cut fault strikes behind its line and PROG can be lower than asked`() throws {
        let broker = broker()
        broker.server.apply(.cut(after: 5))
        let peer = try broker.session()
        let id = try #require(peer.lastSession)
        try broker.send(add(1, eurusd), from: peer)
        broker.market.start(subscribed: [])
        _ = broker.market.step(until: .max, budget: 2)
        #expect(peer.isCut)
        #expect(peer.take().last == "U,1,1,1.12|")
        broker.server.outletClosed(peer, now: 0)
        broker.server.apply(.progressBack(2))
        let second = try broker.peer()
        try broker.send("bind_session\r\nLS_session=\(id)&LS_recovery_from=5", from: second)
        #expect(second.take().dropFirst(2) == ["PROG,3", "U,1,1,1.11|1.2", "U,1,1,1.12|"])
    }

    @Test func `a cut in a frame sends half of it and the rest comes again`() throws {
        let broker = broker()
        broker.server.apply(.cutFrameEvery(5))
        let peer = try broker.session()
        let id = try #require(peer.lastSession)
        try broker.send(add(1, eurusd), from: peer)
        _ = peer.take()
        broker.market.start(subscribed: [])
        _ = broker.market.step(until: .max, budget: 2)
        #expect(peer.isCut)
        #expect(peer.take() == ["U,1,1,1.11|1.2"])
        broker.server.outletClosed(peer, now: 0)
        let second = try broker.peer()
        try broker.send("bind_session\r\nLS_session=\(id)&LS_recovery_from=4", from: second)
        #expect(second.take().dropFirst(2) == ["PROG,4", "U,1,1,1.12|"])
    }

    @Test func `a LOOP can come between two lines of a burst`() throws {
        let broker = broker()
        broker.server.apply(.loopEvery(5))
        let peer = try broker.session()
        try broker.send(add(1, eurusd), from: peer)
        _ = peer.take()
        broker.play()
        #expect(peer.take() == ["U,1,1,1.11|1.2", "U,1,1,1.12|", "LOOP,0"])
        #expect(!peer.isCut)
        try broker.send("bind_session\r\n", from: peer)
        #expect(peer.take().contains("U,1,1,1.13|"))
    }

    @Test func `an epic in points is scaled`() throws {
        let broker = broker(ticks: 1)
        let peer = try broker.session()
        try broker.send(add(1, "CHART:CS.D.EURUSD.TODAY.IP:TICK"), from: peer)
        broker.play()
        #expect(peer.take().last == "U,1,1,11100.0|12000.0")
    }
}
