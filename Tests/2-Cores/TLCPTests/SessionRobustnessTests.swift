import Testing
import TestKit
@testable import TLCP

@Suite struct HTTPSessionTests {
    @Test func `a WebSocket that cannot be opened falls back to HTTP streaming`() {
        var script = Script()
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        _ = script.trace()
        script.closed("refused")
        let opening = script.trace()
        #expect(opening.prefix(2) == ["fellBackToHTTP(reason: \"refused\")", "connecting(isWebSocket: false)"])
        #expect(
            opening.last?.hasPrefix(
                "> stream https://demo-apd.marketdatasystems.com/lightstreamer/create_session.txt?LS_protocol=TLCP-2.4.0 LS_adapter_set=DEFAULT&"
            )
                == true)
        #expect(opening.last?.hasSuffix("&LS_content_length=50000000") == true)
        script.receive("CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "NOOP,filler")
        #expect(
            script.trace() == [
                "began(replacing: false)",
                "> post https://apd148f.marketdatasystems.com/lightstreamer/control.txt?LS_protocol=TLCP-2.4.0&LS_session=S5f2c "
                    + SessionTests.add.replacing("LS_op=", with: "LS_session=S5f2c&LS_op="),
            ])
        script.receive("SUBOK,1,2,4", "CONF,1,unlimited,filtered", "U,1,1,1|2|3|4")
        if let posted = script.posted {
            withBytes("REQOK,1\r\n") {
                script.session.postAnswered(posted, body: $0, now: script.now, into: &script.sink)
            }
        }
        _ = script.trace()
        script.receive("LOOP,0")
        #expect(
            script.trace() == [
                "connecting(isWebSocket: false)", "> close",
                "> stream https://apd148f.marketdatasystems.com/lightstreamer/bind_session.txt?LS_protocol=TLCP-2.4.0 LS_session=S5f2c&LS_keepalive_millis=5000&LS_send_sync=false&LS_content_length=50000000",
            ])
        script.receive("CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "U,1,1,^3|5")
        #expect(script.trace() == ["preserved", "U 0.1 1|2|3|5 snapshot"])
    }

    @Test func `a WebSocket proven by WSOK is tried again, not given up`() {
        var script = Script()
        script.start()
        _ = script.trace()
        script.opened()
        script.receive("WSOK")
        _ = script.trace()
        script.closed()
        #expect(script.trace().first?.hasPrefix("waiting(") == true)
        script.wait(.seconds(2))
        #expect(script.trace().last?.hasPrefix("> open wss") == true)
    }

    @Test func `silence before WSOK counts as a WebSocket that cannot be opened`() {
        var script = Script()
        script.start()
        _ = script.trace()
        script.opened()
        _ = script.trace()
        script.wait(.seconds(5))
        let trace = script.trace()
        #expect(script.now == .seconds(4))
        #expect(trace.contains("> close"))
        #expect(trace.last?.hasPrefix("> stream") == true)
    }

    @Test func `when neither way works the pauses grow up to the ceiling`() {
        var script = Script()
        script.start()
        var pauses: [Duration] = []
        for _ in 0..<12 {
            _ = script.trace()
            script.closed("refused")
            _ = script.trace()
            let before = script.now
            script.closed("refused")
            script.wait(.seconds(100))
            pauses.append(script.now - before)
        }
        #expect(pauses[0] <= .seconds(1) && pauses[0] >= .milliseconds(500))
        #expect(pauses[11] >= .seconds(30) && pauses[11] <= .seconds(60))
    }

    @Test func `a control request without an answer is sent again under a new number`() {
        var script = Script { $0.transports = .httpOnly }
        _ = script.session.subscribe(Script.ticks, now: .zero)
        script.start()
        _ = script.trace()
        script.receive("CONOK,S1,50000,5000,*")
        #expect(script.trace().last?.contains("LS_reqId=1&") == true)
        if let posted = script.posted { script.session.postFailed(posted, now: script.now) }
        script.wait(.seconds(2))
        #expect(script.trace().last?.contains("LS_reqId=2&LS_session=S1&LS_op=add&LS_subId=1&") == true)
    }
}

@Suite struct RobustnessTests {
    /// Every server line of the transcripts.
    static let lines =
        [
            "WSOK", "CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com", "SERVNAME,Lightstreamer HTTPS NSE Listener",
            "CLIENTIP,172.28.3.205", "CONS,unlimited", "REQOK,1", "REQERR,2,-1,Invalid account type",
            "REQERR,3,21,Invalid group",
            "UNSUB,1", "END,31,Destroy invoked by client", "NOOP,sending placeholder data", "LOOP,0", "PROG,6",
            "PROG,8",
            "CONERR,20,Session not found", "CONERR,1,User/password check failed", "END,32,Session closed", "PROBE",
            "CONERR,65,Unsupported protocol version: 2.5.0", "SYNC,3", "OV,1,1,3", "CS,1,1",
        ] + Script.data

    @Test func `no prefix of any line traps, bound or not`() {
        for line in Self.lines {
            for count in 0...line.utf8.count {
                for isBound in [false, true] {
                    var script = Script()
                    if isBound { script.play() } else { script.start() }
                    _ = script.trace()
                    script.opened()
                    script.receive(String(decoding: Array(line.utf8.prefix(count)), as: UTF8.self))
                    _ = script.trace()
                }
            }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func `random lines and turns never trap`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var script = Script()
        script.play(upTo: Int(random.next() % 12))
        for _ in 0..<400 {
            switch random.next() % 12 {
            case 0: script.closed()
            case 1: script.opened()
            case 2: script.wait(.milliseconds(Int(random.next() % 12_000)))
            case 3:
                let bytes = (0..<(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                script.receive(String(decoding: bytes, as: UTF8.self))
            case 4:
                var bytes = Array((Self.lines.randomElement(using: &random) ?? "").utf8)
                if !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() % 256) }
                script.receive(String(decoding: bytes, as: UTF8.self))
            case 5:
                script.session.resume(
                    endpoint: script.session.options.endpoint, user: nil, password: nil, now: script.now,
                    into: &script.sink)
            default: script.receive(Self.lines.randomElement(using: &random) ?? "")
            }
            _ = script.trace()
        }
    }

    @Test func `a huge line drops the session`() {
        var script = Script { $0.lineLengthMax = 1_000 }
        script.play()
        script.receive("U,1,1," + String(repeating: "9", count: 2_000))
        #expect(script.trace().contains { $0.hasPrefix("lost") })
    }

    @Test func `bytes of a closed transport are ignored`() {
        var script = Script()
        script.play()
        let old = script.transport
        script.closed()
        script.wait(.seconds(1))
        _ = script.trace()
        withBytes("U,1,1,9|9|9|9\r\n") { bytes in
            if let old { script.session.received(bytes, from: old, now: script.now, into: &script.sink) }
        }
        #expect(script.trace() == [])
        #expect(script.session.received == 8)
    }
}
