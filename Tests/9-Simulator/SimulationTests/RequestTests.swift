@testable import Simulation
import Testing

@Suite struct RequestTests {
    @Test func `a batch has one request per line`() throws {
        let request = try StreamRequest(message: bytes("control\r\nLS_reqId=1&LS_group=A%3AB%20C\r\nLS_reqId=2\r\n"))
        #expect(request.name == .control)
        #expect(request.batch.map { $0["LS_reqId"] } == ["1", "2"])
        #expect(request.batch[0]["LS_group"] == "A:B C")
    }

    @Test func `wsok stands alone and heartbeat has an empty line`() throws {
        #expect(try StreamRequest(message: bytes("wsok")).batch.isEmpty)
        #expect(try StreamRequest(message: bytes("heartbeat\r\n\r\n")).batch == [RequestParameters()])
    }

    @Test(arguments: [
        "", "nonsense\r\nLS_reqId=1", "WSOK", "control\r\nLS_reqId", "control\r\na=%4", "control\r\na=%zz",
        "control\r\na=%ff",
    ])
    func `what cannot be read is refused`(message: String) {
        #expect(throws: StreamRequest.Malformed.self) { try StreamRequest(message: bytes(message)) }
    }

    @Test func `no prefix and no byte of a message traps`() {
        let message = bytes("control\r\nLS_reqId=1&LS_op=add&LS_group=CHART%3ACS.D.EURUSD.CFD.IP%3ATICK\r\nx=%e2%82%ac")
        for count in 0...message.count { _ = try? StreamRequest(message: message.prefix(count)) }
        for index in message.indices {
            for byte in [UInt8(0), 10, 13, 37, 38, 61, 128, 255] {
                var changed = message
                changed[index] = byte
                _ = try? StreamRequest(message: changed)
            }
        }
    }

    @Test(arguments: [("TLCP-2.4.0.lightstreamer.com", "2.4.0"), ("TLCP-2.10.1", "2.10.1")])
    func `versions are read`(text: String, expected: String) {
        #expect(ProtocolVersion(announcement: text)?.description == expected)
    }

    @Test(arguments: ["2.4.0", "TLCP-2.4", "TLCP-2.4.x", "TLCP-", "TLCP-2.4.0.1"])
    func `other announcements are not read`(text: String) {
        #expect(ProtocolVersion(announcement: text) == nil)
    }

    @Test func `versions order by number, not by text`() throws {
        let versions = try ["2.4.0", "2.5.0", "2.10.0"].map { try #require(ProtocolVersion($0)) }
        #expect(versions == versions.sorted())
    }

    @Test(arguments: [
        ("cut", Fault.cut(after: 0)), ("cut=5", .cut(after: 5)), ("silence=noprobe", .silence(probes: false)),
        ("cut-frame-every=9", .cutFrameEvery(9)), ("loop-every=9", .loopEvery(9)), ("close", .close),
        ("slow=4", .slow(bytes: 4)), ("jitter=200", .jitter(millis: 200)), ("outage=4", .outage(seconds: 4)),
        ("refuse-create=5", .refuseCreate(code: 5)), ("refuse-login", .rest(.refuseLogin)),
        ("silent-item=CHART:X:TICK", .silentItem("CHART:X:TICK")), ("end=48", .end(code: 48)),
        ("unsubscribe=X", .unsubscribe(epic: "X", seconds: nil)),
        ("unsubscribe=all:60", .unsubscribe(epic: nil, seconds: 60)), ("endless-line", .endlessLine(bytes: 10)),
        ("clock-ahead=-5", .market(.clockAhead(millis: -5))), ("points=0", .rest(.points(0))),
    ])
    func `faults are read`(text: String, fault: Fault) {
        #expect(Fault(text) == fault)
    }

    @Test(arguments: [
        "", "cut=x", "cut=0", "cut-every", "nonsense", "end", "silence=maybe", "silent-item=",
        "unsubscribe=X:", "unsubscribe=X:-1", "unsubscribe=X:1:2", "filter=X", "filter=X:0", "filter=X:x", "points=-1",
        "protocol-max=2", "requests-per-minute=10", "drop=0", "zombie=1",
        "refuse-prices=1:200:x", "wrong-tick=99999999999", "jitter=0", "outage",
    ])
    func `other faults are refused`(text: String) {
        #expect(Fault(text) == nil)
    }

    @Test func `JSON is read and written`() {
        let text = #"{"a":[1,-2.5e3,null,true],"b":"x\"\\\u20ac\ud83d\ude00","c":{}}"#
        #expect(JSONReader.read(bytes(text))?["b"]?.string == "x\"\\€😀")
        #expect(JSONReader.read(bytes(text))?.text == #"{"a":[1,-2.5e3,null,true],"b":"x\"\\€😀","c":{}}"#)
    }

    @Test func `no prefix of JSON is JSON, and none traps`() {
        let text = bytes(#"{"a":[1,-2.5e3,null,true],"b":"x\"\\\u20ac\ud83d\ude00","c":{}}"#)
        for count in 0..<text.count { #expect(JSONReader.read(Array(text.prefix(count))) == nil) }
        #expect(JSONReader.read(bytes(String(repeating: "[", count: 100_000))) == nil)
    }
}
