import Testing
@testable import TLCP

@Suite struct SessionTests {
    static let create =
        "create_session⏎LS_adapter_set=DEFAULT&LS_cid=mgQkwtwdysogQz2BJ4Ji%20kOj2Bg&LS_user=ABC12&LS_password=CST-a%7CXST-b&LS_supported_diffs=&LS_send_sync=false"
    static let add =
        "LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=DISTINCT&LS_group=CHART%3ACS.D.EURUSD.CFD.IP%3ATICK%20CHART%3ACS.D.USDJPY.CFD.IP%3ATICK&LS_schema=BID%20OFR%20LTV%20UTM&LS_snapshot=true"

    @Test func `login and subscription over a WebSocket`() {
        var script = Script()
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        #expect(
            script.trace() == [
                "connecting(isWebSocket: true)",
                "> open wss://demo-apd.marketdatasystems.com/lightstreamer TLCP-2.4.0.lightstreamer.com",
            ])
        script.opened()
        #expect(script.trace() == ["> wsok", "> \(Self.create)"])
        script.receive("WSOK", "CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "CONS,unlimited")
        #expect(script.trace() == ["began(replacing: false)", "> control⏎\(Self.add)"])
        script.receive("REQOK,1")
        for line in Script.data { script.receive(line) }
        #expect(
            script.trace() == [
                "subscribed(0)", "allAnswered", "configured(0, frequency: \"unlimited\", isFiltered: true)",
                "U 0.1 1.16458|1.16468|1|1779709103150 snapshot", "endOfSnapshot(0, item: 1)",
                "U 0.2 143.214|143.225|1|1779709101870 snapshot", "endOfSnapshot(0, item: 2)",
                "U 0.1 1.16459|1.16469|1|1779709104020", "U 0.2 143.216|143.225|1|1779709104377",
                "U 0.1 1.16459|1.16469|1|1779709104020", "U 0.1 ~|~|~|1779709199001",
                "U 0.2 143.219|143.230|1|1779709199950",
            ])
        #expect(script.session.received == 11)
    }

    @Test func `a refused subscription is named, the others go on`() {
        var script = Script()
        let one = SubscriptionRequest(mode: .distinct, items: ["a"], fields: ["BID"])
        _ = script.session.subscribe(one, now: .zero)
        _ = script.session.subscribe(one, now: .zero)
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*")
        _ = script.trace()
        script.receive("REQERR,1,-1,Invalid account type", "SUBOK,2,1,1", "U,2,1,5")
        #expect(
            script.trace() == [
                "refused(0, code: -1, text: \"Invalid account type\")", "subscribed(1)", "allAnswered",
                "U 1.1 5 snapshot",
            ])
        #expect(script.session.received == 2)
    }

    @Test func `counts that are not those asked for refuse the subscription`() {
        var script = Script()
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*")
        _ = script.trace()
        script.receive("SUBOK,1,2,3")
        #expect(
            script.trace() == [
                "refused(0, code: 61, text: \"2 items and 3 fields confirmed, not the requested ones\")", "allAnswered",
                "> control⏎LS_reqId=2&LS_op=delete&LS_subId=1",
            ])
    }

    @Test func `an unsubscribed item may still send until UNSUB`() {
        var script = Script()
        script.play()
        script.session.unsubscribe(0)
        #expect(script.trace() == ["> control⏎LS_reqId=2&LS_op=delete&LS_subId=1"])
        script.receive("REQOK,2", "U,1,1,1.2|||", "UNSUB,1")
        #expect(script.trace() == ["U 0.1 1.2|1.16469|1|1779709104020", "unsubscribed(0)"])
    }

    @Test func `LOOP binds again on the same socket and values go on`() {
        var script = Script()
        script.play()
        script.receive("LOOP,0")
        #expect(
            script.trace() == ["> bind_session⏎LS_session=S5f2c&LS_keepalive_millis=5000&LS_send_sync=false"])
        // Void until the new head.
        script.receive("U,1,1,9|9|9|9", "PROBE")
        script.receive(
            "CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "CONS,unlimited",
            "U,1,2,143.220|143.231||1779709111000")
        #expect(script.trace() == ["preserved", "U 0.2 143.220|143.231|1|1779709111000"])
        #expect(script.session.received == 9)
    }

    @Test func `a LOOP in the middle of a resend does not make known lines new`() {
        var script = Script()
        script.play()
        script.closed()
        script.wait(.seconds(2))
        _ = script.trace()
        script.opened()
        _ = script.trace()
        script.receive("WSOK", "CONOK,S5f2c,50000,5000,*", "PROG,6", "U,1,1,1.16459|1.16469||1779709104020", "LOOP,0")
        _ = script.trace()
        script.receive("CONOK,S5f2c,50000,5000,*", "U,1,2,143.216|^2|1779709104377", "U,1,1,1.9|||")
        #expect(script.trace().filter { $0.hasPrefix("U ") } == ["U 0.1 1.9|1.16469|1|1779709104020 recovered"])
        #expect(script.session.received == 9)
    }

    @Test func `silence stalls after keepalive and 2 s, cuts 3 s later, and recovery throws known lines away`() {
        var script = Script()
        script.play()
        let last = script.now
        script.wait(.seconds(20))
        let events = script.trace()
        #expect(events.prefix(3) == ["stalled", "> close"] || events.contains("stalled"))
        #expect(script.now - last >= .seconds(10) && script.now - last < .milliseconds(10_110))
        script.wait(.seconds(1))
        let opening = events + script.trace()
        #expect(opening.contains("cut(reason: \"silence\")"))
        #expect(opening.last == "> open wss://apd148f.marketdatasystems.com/lightstreamer TLCP-2.4.0.lightstreamer.com")
        script.opened()
        #expect(
            script.trace() == [
                "> wsok",
                "> bind_session⏎LS_session=S5f2c&LS_recovery_from=8&LS_keepalive_millis=5000&LS_send_sync=false",
            ])
        var reader = "WSOK\r\nCONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com\r\nCONS,unlimited\r\nPROG,6\r\n"
        for line in Script.data[6...9] { reader += line + "\r\n" }
        script.receive(String(reader.dropLast()))
        #expect(
            script.trace() == [
                "U 0.1 1.16459|1.16469|1|1779709104020 recovered", "U 0.1 ~|~|~|1779709199001 recovered",
                "recovered(resent: 4)",
            ])
        script.receive(Script.data[10])
        #expect(script.trace() == ["U 0.2 143.219|143.230|1|1779709199950"])
        #expect(script.session.received == 11)
    }

    @Test func `a line during the stall ends it`() {
        var script = Script()
        script.play()
        script.wait(.seconds(8))
        #expect(script.trace() == ["stalled"])
        script.receive("PROBE")
        script.wait(.seconds(6))
        #expect(script.trace() == ["flowing"])
    }

    /// Continues 15.1 after #8 with a cut, up to the answer of the recovery.
    private static func recovering(_ script: inout Script) {
        script.play()
        script.closed()
        #expect(script.trace() == ["cut(reason: \"reset\")"])
        script.wait(.seconds(1))
        _ = script.trace()
        script.opened()
        _ = script.trace()
        script.receive("WSOK")
    }

    @Test func `recovery with an equal count goes on at once`() {
        var script = Script()
        Self.recovering(&script)
        script.receive("CONOK,S5f2c,50000,5000,*", "PROG,8", "U,1,1,^4")
        #expect(script.trace() == ["U 0.1 1.16459|1.16469|1|1779709104020 recovered", "recovered(resent: 1)"])
    }

    @Test func `recovery on a quiet feed ends by time`() {
        var script = Script()
        Self.recovering(&script)
        script.receive("CONOK,S5f2c,50000,5000,*", "PROG,8")
        #expect(script.trace() == [])
        script.wait(.milliseconds(200))
        #expect(script.trace() == ["recovered(resent: 0)"])
    }

    @Test(arguments: [
        ["CONERR,20,Session not found"], ["CONERR,4,gone"], ["CONOK,S5f2c,50000,5000,*", "PROG,9"],
        ["CONOK,S5f2c,50000,5000,*", "U,1,1,^4"], ["CONOK,S5f2c,50000,5000,*", "EOS,1,1"], ["CONOK,other,50000,5000,*"],
        ["END,32,Session closed"], ["CONOK,S5f2c,50000,5000,*", "PROG,x"],
        ["CONOK,S5f2c,50000,5000,*", "LOOP,0"],
    ])
    func `a recovery that is refused or wrong replaces the session`(answer: [String]) {
        var script = Script()
        Self.recovering(&script)
        for line in answer { script.receive(line) }
        script.wait(.seconds(2))
        let trace = script.trace()
        #expect(trace.contains { $0.hasPrefix("lost") })
        #expect(trace.last == "> open wss://demo-apd.marketdatasystems.com/lightstreamer TLCP-2.4.0.lightstreamer.com")
        script.opened()
        #expect(script.trace().last?.contains("&LS_old_session=S5f2c&") == true)
        script.receive("WSOK", "CONOK,Sa90b,50000,5000,apd149f.marketdatasystems.com")
        let began = script.trace()
        #expect(began.first == "began(replacing: true)")
        #expect(began.last?.contains("LS_subId=1&") == true)
        script.receive("SUBOK,1,2,4", "U,1,1,1.16502|1.16512|1|1779709148220")
        #expect(script.trace() == ["subscribed(0)", "allAnswered", "U 0.1 1.16502|1.16512|1|1779709148220 snapshot"])
    }

    @Test func `an outage longer than the recovery window replaces the session`() {
        var script = Script { $0.transports = .webSocketOnly }
        script.play()
        script.closed()
        var events = script.trace()
        var attempts = 0
        while !events.contains(where: { $0.hasPrefix("lost") }), attempts < 100 {
            script.wait(.seconds(30))
            let step = script.trace()
            if step.contains(where: { $0.hasPrefix("> open") }) {
                attempts += 1
                script.closed("refused")
            }
            events += step + script.trace()
        }
        #expect((14...17).contains(attempts))
        #expect(script.now > .seconds(13) && script.now < .seconds(17))
    }

    @Test func `a cut during recovery recovers again with the new count`() {
        var script = Script()
        Self.recovering(&script)
        script.receive("CONOK,S5f2c,50000,5000,*", "PROG,6", "U,1,1,1.16459|1.16469||1779709104020")
        script.closed()
        script.wait(.seconds(2))
        _ = script.trace()
        script.opened()
        #expect(script.trace().last?.contains("LS_recovery_from=8&") == true)
    }

    @Test func `refused credentials wait for new ones`() {
        var script = Script()
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        _ = script.trace()
        script.opened()
        _ = script.trace()
        script.receive("WSOK", "CONERR,1,User/password check failed")
        #expect(script.trace() == ["credentialsRefused(code: 1, text: \"User/password check failed\")", "> close"])
        script.wait(.seconds(3_600))
        #expect(script.trace() == [])
        script.session.resume(
            endpoint: Endpoint("https://other.example.com")!, user: "ABC12", password: "new", now: script.now,
            into: &script.sink)
        #expect(script.trace().last == "> open wss://other.example.com/lightstreamer TLCP-2.4.0.lightstreamer.com")
        script.opened()
        #expect(script.trace().last?.contains("LS_password=new") == true)
    }

    @Test func `an END is not recovered and the pauses grow`() {
        var script = Script()
        script.play()
        script.receive("END,33,Unexpected error")
        let events = script.trace()
        #expect(events.first == "lost(reason: \"code 33 Unexpected error\")")
        #expect(events.contains { $0.hasPrefix("waiting(") })
        script.wait(.seconds(2))
        #expect(script.trace().last?.hasPrefix("> open wss://demo-apd") == true)
    }

    @Test func `a refused version stops`() {
        var script = Script()
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("CONERR,65,Unsupported protocol version: 2.5.0")
        #expect(script.trace().contains("stopped(code: 65, text: \"Unsupported protocol version: 2.5.0\")"))
        #expect(script.session.nextDeadline == nil)
    }

    @Test func `destroying ends with the server's END`() {
        var script = Script()
        script.play()
        script.session.stop(now: script.now, into: &script.sink)
        #expect(script.trace() == ["> control⏎LS_reqId=2&LS_op=destroy&LS_close_socket=true&LS_cause=api"])
        script.receive("REQOK,2", "END,31,Destroy invoked by client")
        #expect(script.trace() == ["destroyed", "> close"])
        #expect(script.session.nextDeadline == nil)
    }

    @Test func `destroying does not wait longer than a second`() {
        var script = Script()
        script.play()
        script.session.stop(now: script.now, into: &script.sink)
        _ = script.trace()
        script.wait(.seconds(1))
        #expect(script.trace() == ["destroyed", "> close"])
    }

    @Test func `updates of a subscription that is not ours are ended once`() {
        var script = Script()
        script.play()
        script.receive("U,9,1,1|2|3|4", "U,9,1,1|2|3|4")
        #expect(
            script.trace() == [
                "oddLine(\"unknown subscription 9\")",
                "> control⏎LS_reqId=2&LS_op=delete&LS_subId=9&LS_cause=zombie",
            ])
        #expect(script.session.received == 10)
    }

    @Test(arguments: [
        "U,1,1", "U,x,1,1", "SUBOK,1", "ERROR,67,what", "PROG,3",
    ])
    func `a protocol error drops the session`(line: String) {
        var script = Script()
        script.play()
        script.receive(line)
        let trace = script.trace()
        #expect(trace.contains { $0.hasPrefix("lost") })
        #expect(trace.last == "> close")
    }

    @Test func `unknown lines are reported and not counted`() {
        var script = Script()
        script.play()
        script.receive("NEWTAG,1,2", "SYNC,x", "", "NOOP,aaa")
        #expect(script.trace() == ["oddLine(\"unknown line NEWTAG\")", "oddLine(\"malformed SYNC line\")"])
        #expect(script.session.received == 8)
    }

    @Test func `lost updates and cleared snapshots are reported`() {
        var script = Script()
        script.play()
        script.receive("OV,1,2,7", "CS,1,1")
        #expect(script.trace() == ["updatesLost(0, item: 2, count: 7)", "snapshotCleared(0, item: 1)"])
    }

    @Test func `a subscription that failed inside the server is asked for again under a new number`() {
        var script = Script()
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,50000,*")
        _ = script.trace()
        script.receive("REQERR,1,68,error")
        script.wait(.seconds(6))
        #expect(script.trace().first?.contains("LS_reqId=2&LS_op=add&LS_subId=2&") == true)
    }
}
