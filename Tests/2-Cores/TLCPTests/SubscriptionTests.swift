import Testing
@testable import TLCP

/// The fate of single subscriptions while the session lives. Source: TLCP § Subscriptions; `ig-api` § 14.
@Suite struct SubscriptionTests {
    private static let request = SubscriptionRequest(mode: .distinct, items: ["a"], fields: ["BID"])

    /// Two subscriptions are active as 1 and 2.
    private static func script() -> Script {
        var script = Script()
        for _ in 0..<2 { _ = script.session.subscribe(request, now: .zero) }
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,1", "U,1,1,5", "EOS,1,1")
        _ = script.trace()
        return script
    }

    private static func adds(_ trace: [String]) -> [String] { trace.filter { $0.contains("LS_op=add") } }

    /// Lets time pass while the server keeps the connection alive.
    private static func wait(_ script: inout Script, seconds: Int) -> [String] {
        var trace: [String] = []
        for _ in 0..<seconds {
            script.wait(.seconds(1))
            script.receive("PROBE")
            trace += script.trace()
        }
        return trace
    }

    @Test func `what the server ends is asked for again, with growing pauses and without end`() {
        var script = Self.script()
        script.receive("UNSUB,1")
        #expect(script.trace() == ["unsubscribed(0)"])
        // The moments at which it asks, each refused at once.
        var asked: [Double] = []
        let began = script.now
        while asked.count < 9 {
            script.wait(.seconds(1))
            script.receive("PROBE")
            guard !Self.adds(script.trace()).isEmpty else { continue }
            asked.append((script.now - began) / .seconds(1))
            script.receive("REQERR,\(script.session.controls.lastRequest),-1,Invalid account type")
            #expect(script.trace() == ["refused(0, code: -1, text: \"Invalid account type\")"])
        }
        let pauses = zip(asked, [0] + asked).map { $0 - $1 }
        for (pause, longest) in zip(pauses, [60.0, 120, 240, 480, 960, 1_800, 1_800, 1_800, 1_800]) {
            #expect(pause >= longest && pause <= longest + 2)
        }
        let number = 3 + asked.count
        script.session.askAgain(now: script.now)
        #expect(Self.adds(script.trace()).count == 1)
        script.receive("SUBOK,\(number),1,1", "U,\(number),1,7")
        #expect(script.trace() == ["subscribed(0)", "U 0.1 7 snapshot"])
    }

    @Test func `the end of a subscription is reported once, and it does not come back unasked`() {
        var script = Self.script()
        for _ in 0..<3 { script.receive("UNSUB,1", "SUBOK,1,1,1", "CONF,1,unlimited,filtered", "EOS,1,1") }
        #expect(script.trace().filter { $0.contains("subscribed(0)") } == ["unsubscribed(0)"])
        #expect(Self.adds(Self.wait(&script, seconds: 62)).count == 1)
        script.receive("SUBOK,3,1,1", "UNSUB,1", "U,3,1,7", "UNSUB,3", "UNSUB,3")
        #expect(
            script.trace().filter { !$0.contains("odd") && !$0.hasPrefix(">") } == [
                "subscribed(0)", "U 0.1 7 snapshot", "unsubscribed(0)",
            ])
    }

    @Test(arguments: ["U,1,1,1|2", "U,1,2,1", "U,1,1,^9"])
    func `an update that does not fit costs its own subscription, not the session`(line: String) {
        var script = Self.script()
        script.receive(line)
        let trace = script.trace()
        #expect(trace.first?.hasPrefix("itemLost(0") == true)
        #expect(trace.contains { $0.contains("LS_op=delete&LS_subId=1") })
        #expect(Self.adds(trace).count == 1 && Self.adds(trace)[0].contains("LS_subId=3&"))
        script.receive("U,1,1,9", "U,2,1,6", "UNSUB,1", "SUBOK,3,1,1", "U,3,1,8")
        #expect(script.trace() == ["U 1.1 6 snapshot", "subscribed(0)", "U 0.1 8 snapshot"])
    }

    @Test func `a request that may have arrived is not sent again while its answer may come`() {
        var script = Self.script()
        _ = script.session.subscribe(Self.request, now: script.now)
        #expect(Self.adds(script.trace()).count == 1)
        script.closed()
        script.wait(.seconds(1))
        _ = script.trace()
        script.opened()
        _ = script.trace()
        script.receive("WSOK", "CONOK,S1,50000,5000,*", "PROG,4")
        #expect(Self.adds(script.trace()).isEmpty)
        script.receive("SUBOK,3,1,1", "U,3,1,4", "REQERR,3,65,LS_subId is in use")
        let trace = script.trace() + Self.wait(&script, seconds: 3)
        #expect(trace.contains("subscribed(2)") && trace.contains { $0.hasPrefix("recovered") })
        #expect(Self.adds(trace).isEmpty && !trace.contains { $0.hasPrefix("refused") }, "\(trace)")
    }

    @Test func `a request that did not arrive is sent again after the recovery`() {
        var script = Self.script()
        _ = script.session.subscribe(Self.request, now: script.now)
        _ = script.trace()
        script.closed()
        script.wait(.seconds(1))
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*", "PROG,4")
        _ = script.trace()
        let asked = Self.adds(Self.wait(&script, seconds: 3))
        #expect(asked.count == 1 && asked[0].contains("LS_subId=3&"))
    }

    @Test func `a refusal of what is active is not believed`() {
        var script = Self.script()
        _ = script.session.subscribe(Self.request, now: script.now)
        let request = script.session.controls.lastRequest
        script.receive("SUBOK,3,1,1", "REQERR,\(request),-1,Invalid account type")
        #expect(!script.trace().contains { $0.hasPrefix("refused") })
    }

    @Test func `a confirmed subscription that we do not have is ended`() {
        var script = Self.script()
        script.receive("SUBOK,9,1,1", "U,9,1,1")
        #expect(
            script.trace() == [
                "oddLine(\"unknown subscription 9\")", "> control⏎LS_reqId=3&LS_op=delete&LS_subId=9&LS_cause=zombie",
            ])
    }

    @Test func `a renewed subscription takes the place of the old one without a seam`() {
        var script = Self.script()
        script.session.renew(0, now: script.now)
        #expect(Self.adds(script.trace()).count == 1)
        script.receive("U,1,1,6", "SUBOK,3,1,1", "U,3,1,7", "EOS,3,1", "U,1,1,8", "UNSUB,1", "U,3,1,9")
        #expect(
            script.trace() == [
                "U 0.1 6", "renewed(0)", "U 0.1 7 snapshot", "endOfSnapshot(0, item: 1)", "U 0.1 9",
                "> control⏎LS_reqId=4&LS_op=delete&LS_subId=1",
            ])
    }

    @Test func `a renewal that the server refuses changes nothing`() {
        var script = Self.script()
        script.session.renew(0, now: script.now)
        _ = script.trace()
        script.receive("REQERR,\(script.session.controls.lastRequest),-1,Subscription limit exceeded", "U,1,1,6")
        #expect(script.trace().last == "U 0.1 6")
        script.session.renew(0, now: script.now)
        #expect(Self.adds(script.trace()).count == 1)
    }

    @Test func `a reserved subscription comes and goes, and the session does not wait for it`() {
        var script = Script()
        _ = script.session.subscribe(Self.request, now: .zero)
        let handle = script.session.reserve(Self.request)
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*")
        #expect(Self.adds(script.trace()).count == 1)
        script.session.open(handle, now: script.now)
        #expect(
            script.trace().last?.hasSuffix(
                "LS_op=add&LS_subId=2&LS_mode=DISTINCT&LS_group=a&LS_schema=BID&LS_snapshot=true") == true)
        script.receive("SUBOK,1,1,1")
        #expect(script.trace() == ["subscribed(0)", "allAnswered"])
        // Closed before its answer came, and opened again under another number, once the first one is gone.
        script.session.close(handle)
        script.session.open(handle, now: script.now)
        #expect(script.trace() == ["> control⏎LS_reqId=3&LS_op=delete&LS_subId=2"])
        script.receive("SUBOK,2,1,1", "U,2,1,5")
        #expect(script.trace() == [])
        script.receive("UNSUB,2")
        #expect(Self.adds(script.trace()).first?.contains("LS_subId=3") == true)
        script.receive("SUBOK,3,1,1", "U,3,1,6")
        #expect(script.trace() == ["subscribed(1)", "U 1.1 6 snapshot"])
        script.session.close(handle)
        script.receive("U,3,1,7", "UNSUB,3")
        #expect(script.trace() == ["> control⏎LS_reqId=5&LS_op=delete&LS_subId=3"])
    }

    @Test func `a reserved subscription does not wait for ever for the end of another`() {
        var script = Self.script()
        let handles = (0..<2).map { _ in script.session.reserve(Self.request) }
        script.session.open(handles[0], now: script.now)
        script.receive("SUBOK,3,1,1")
        _ = script.trace()
        script.session.close(handles[0])
        script.session.open(handles[1], now: script.now)
        #expect(Self.adds(script.trace()).isEmpty)
        #expect(!Self.adds(Self.wait(&script, seconds: 6)).isEmpty)
    }

    @Test func `a delete that overtook its add is sent again`() {
        var script = Self.script()
        let handles = (0..<2).map { _ in script.session.reserve(Self.request) }
        script.session.open(handles[0], now: script.now)
        script.session.close(handles[0])
        script.session.open(handles[1], now: script.now)
        _ = script.trace()
        script.receive("REQERR,\(script.session.controls.lastRequest),19,Subscription not found")
        #expect(Self.adds(script.trace()).first?.contains("LS_subId=4") == true)
        script.receive("SUBOK,3,1,1", "SUBOK,4,1,1")
        let trace = script.trace()
        #expect(trace.contains { $0.contains("LS_op=delete&LS_subId=3") })
        #expect(trace.contains("subscribed(\(handles[1]))"))
    }

    @Test func `what is opened while the session rebinds is asked for then`() {
        var script = Self.script()
        let handle = script.session.reserve(Self.request)
        script.receive("LOOP,0")
        script.session.open(handle, now: script.now)
        #expect(Self.adds(script.trace()).isEmpty)
        script.receive("CONOK,S1,50000,5000,*")
        #expect(!Self.adds(Self.wait(&script, seconds: 6)).isEmpty)
    }

    @Test func `a new session asks for the reserved subscriptions that are open`() {
        var script = Script()
        _ = script.session.subscribe(Self.request, now: .zero)
        let handles = (0..<2).map { _ in script.session.reserve(Self.request) }
        script.session.open(handles[1], now: .zero)
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,1", "U,2,1,5")
        #expect(script.trace().contains("U 2.1 5 snapshot"))
    }

    @Test func `a line without an end keeps no connection alive`() {
        var script = Self.script()
        let began = script.now
        while script.now - began < .seconds(20), !script.sink.text.contains(where: { $0.hasPrefix("cut") }) {
            withBytes("U,1,1,555") {
                script.session.received($0, from: script.transport!, now: script.now, into: &script.sink)
            }
            script.wait(.milliseconds(500))
            _ = script.session.takeActions()
        }
        #expect(script.now - began < .seconds(11))
    }
}
