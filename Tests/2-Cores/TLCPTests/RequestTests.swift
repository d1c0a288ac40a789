import Testing
@testable import TLCP

@Suite struct RequestTests {
    static func text(_ bytes: [UInt8]) -> String { Script.text(bytes) }

    @Test func `requests are as the official clients write them`() {
        let add = ControlOperation.add(SubscriptionRequest(mode: .distinct, items: ["item"], fields: ["f1", "f2"]))
        let lines: [(Parameters, String)] = [
            (
                add.parameters(request: 1, subscription: 1),
                "LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=DISTINCT&LS_group=item&LS_schema=f1%20f2&LS_snapshot=true"
            ),
            (
                ControlOperation.delete(cause: "zombie").parameters(request: 2, subscription: 7),
                "LS_reqId=2&LS_op=delete&LS_subId=7&LS_cause=zombie"
            ),
            (
                ControlOperation.reconfigure(frequency: "12.3").parameters(request: 2, subscription: 1),
                "LS_reqId=2&LS_op=reconf&LS_subId=1&LS_requested_max_frequency=12.3"
            ),
            (
                ControlOperation.constrain(bandwidth: "unlimited").parameters(request: 3),
                "LS_reqId=3&LS_op=constrain&LS_requested_max_bandwidth=unlimited"
            ),
            (
                ControlOperation.forceRebind.parameters(request: 7, session: "S1"),
                "LS_reqId=7&LS_session=S1&LS_op=force_rebind"
            ),
            (
                ControlOperation.destroy.parameters(request: 6),
                "LS_reqId=6&LS_op=destroy&LS_close_socket=true&LS_cause=api"
            ),
        ]
        for (line, expected) in lines { #expect(Self.text(line.bytes) == expected) }
    }

    @Test func `the two forms of a request`() {
        var line = Parameters()
        line.add("a", "1")
        #expect(Self.text(Request("control", [line, line]).message) == "control⏎a=1⏎a=1")
        #expect(Self.text(Request("control", [line, line]).body) == "a=1⏎a=1")
        #expect(Self.text(Request("heartbeat", []).message) == "heartbeat⏎⏎")
        #expect(Self.text(Request("heartbeat", [Parameters()]).message) == "heartbeat⏎⏎")
        #expect(Self.text(Request("heartbeat", []).body) == "⏎")
        #expect(
            Request("control", []).path(protocolVersion: "2.4.0", session: "S/1")
                == "/control.txt?LS_protocol=TLCP-2.4.0&LS_session=S%2F1")
    }

    @Test func `everything unusual in a value is encoded`() {
        var line = Parameters()
        line.add("v", "a b+c&d=e%f\r\n|:\u{20AC}~-._")
        #expect(Self.text(line.bytes) == "v=a%20b%2Bc%26d%3De%25f%0D%0A%7C%3A%E2%82%AC~-._")
    }

    @Test func `a batch stays below the limit of the server`() {
        var line = Parameters()
        line.add("a", String(repeating: "x", count: 98))
        for limit in [10, 107, 109, 110, 211, 212, 5_000] {
            let batches = Request.batches(of: Array(repeating: line, count: 7), limit: limit)
            #expect(batches.map(\.lines.count).reduce(0, +) == 7)
            for batch in batches { #expect(batch.message.count <= limit || batch.lines.count == 1) }
        }
        #expect(Request.batches(of: Array(repeating: line, count: 7), limit: 5_000).count == 1)
    }

    @Test(arguments: [
        ("host.com", "ws://host.com:8080/lightstreamer"), ("host.com:90", "ws://host.com:90/lightstreamer"),
        ("10.0.0.1", "ws://10.0.0.1:8080/lightstreamer"),
        ("host.com/TestPrefix", "ws://host.com:8080/TestPrefix/lightstreamer"),
        ("*", "ws://localhost:8080/lightstreamer"), ("", "ws://localhost:8080/lightstreamer"),
        ("bad host", "ws://localhost:8080/lightstreamer"), ("host:99999", "ws://localhost:8080/lightstreamer"),
    ])
    func `the control link is followed`(link: String, expected: String) throws {
        let endpoint = try #require(Endpoint("http://localhost:8080/"))
        #expect(endpoint.followed(by: link).webSocketURL == expected)
    }

    @Test func `an endpoint is read from its text`() {
        #expect(Endpoint("https://apd.example.com")?.webSocketURL == "wss://apd.example.com/lightstreamer")
        #expect(Endpoint("wss://h:444/p/")?.httpURL == "https://h:444/p/lightstreamer")
        #expect(Endpoint("http://[::1]:80")?.webSocketURL == "ws://[::1]/lightstreamer")
        for bad in ["", "h", "ftp://h", "https://", "https://h:x", "https://h:0", "https://user@h", "https://h h"] {
            #expect(Endpoint(bad) == nil, "\(bad)")
        }
    }
}

@Suite struct CodeTests {
    @Test func `what to do about each refusal`() {
        let table: [(SessionDisposition, [Int])] = [
            (.credentials, [1, 0, -1, -100]), (.newSession, [3, 4, 20, 21, 41, 48]), (.longBackOff, [2, 7, 8, 35, 40]),
            (.backOff, [5, 6, 9, 10, 31, 32, 33, 34, 66, 68, 69, 12_345]), (.stop, [11, 60, 64, 65, 67, 70, 71]),
        ]
        for (expected, codes) in table {
            for code in codes { #expect(SessionDisposition(refusal: code) == expected, "\(code)") }
        }
    }

    @Test func `what to do about each end`() {
        let table: [(SessionDisposition, [Int])] = [
            (.credentials, [0, -1]), (.newSession, [41, 48]), (.longBackOff, [7, 8, 35, 40]),
            (.backOff, [31, 32, 33, 34, 39, 12_345]), (.stop, [11, 60, 70, 71]),
        ]
        for (expected, codes) in table {
            for code in codes { #expect(SessionDisposition(ending: code) == expected, "\(code)") }
        }
    }

    @Test func `what to do about each refused request`() {
        let table: [(RequestDisposition, [Int])] = [
            (.newSession, [3, 11, 20]), (.retry, [66, 68]), (.refuse, [-1, 0, 13, 17, 19, 21, 22, 23, 24, 26, 65, 67]),
        ]
        for (expected, codes) in table {
            for code in codes { #expect(RequestDisposition(code: code, isDelete: false) == expected, "\(code)") }
        }
        #expect(RequestDisposition(code: 19, isDelete: true) == .done)
    }

    @Test func `pauses double up to the ceiling and never leave the upper half`() {
        var backoff = Backoff(base: .seconds(1), ceiling: .seconds(60))
        var random = Jitter(seed: 7)
        for whole in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let pause = backoff.failed(random: &random)
            #expect(pause >= .seconds(whole) / 2 && pause <= .seconds(whole))
        }
        backoff.succeeded()
        #expect(backoff.failed(random: &random) <= .seconds(1))
    }
}
