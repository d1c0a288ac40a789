import Testing
@testable import TLCP

@Suite struct ServerLineTests {
    static let lines: [(String, ServerLine)] = [
        (
            "CONOK,S5f2c,50000,5000,apd148f.marketdatasystems.com",
            .sessionOpened(
                session: "S5f2c", requestLimit: 50_000, keepaliveMillis: 5_000,
                controlLink: "apd148f.marketdatasystems.com")
        ),
        (
            "CONERR,65,Unsupported protocol version: 2.5.0",
            .sessionRefused(code: 65, text: "Unsupported protocol version: 2.5.0")
        ),
        ("CONERR,-1,", .sessionRefused(code: -1, text: "")),
        ("CONERR,1,a,b%2Cc", .sessionRefused(code: 1, text: "a,b,c")),
        ("END,31,Destroy invoked by client", .ended(code: 31, text: "Destroy invoked by client")),
        ("REQOK,6", .requestAccepted(request: 6)),
        ("REQOK", .requestAccepted(request: nil)),
        ("REQERR,2,-1,Invalid account type", .requestRefused(request: 2, code: -1, text: "Invalid account type")),
        ("ERROR,67,what?", .requestNotUnderstood(code: 67, text: "what?")),
        ("WSOK", .webSocketProven),
        ("SERVNAME,Lightstreamer HTTPS NSE Listener", .serverName("Lightstreamer HTTPS NSE Listener")),
        ("CLIENTIP,0:0:0:0:0:0:0:1", .clientAddress("0:0:0:0:0:0:0:1")),
        ("CONS,unmanaged", .bandwidth("unmanaged")),
        ("PROG,6", .progress(6)),
        ("NOOP,sending placeholder data", .filler),
        ("PROBE", .probe),
        ("SYNC,120", .synchronise(seconds: 120)),
        ("LOOP,0", .loop(millis: 0)),
        ("SUBOK,1,2,4", .subscribed(subscription: 1, items: 2, fields: 4)),
        (
            "SUBCMD,1,1,3,1,2",
            .subscribedCommand(subscription: 1, items: 1, fields: 3, keyField: 1, commandField: 2)
        ),
        ("CONF,1,20.0,filtered", .configured(subscription: 1, frequency: "20.0", isFiltered: true)),
        ("CONF,1,unlimited,unfiltered", .configured(subscription: 1, frequency: "unlimited", isFiltered: false)),
        ("EOS,1,2", .endOfSnapshot(subscription: 1, item: 2)),
        ("CS,1,2", .snapshotCleared(subscription: 1, item: 2)),
        ("OV,1,2,17", .updatesLost(subscription: 1, item: 2, count: 17)),
        ("UNSUB,1", .unsubscribed(subscription: 1)),
        ("MSGDONE,*,3", .messageDone(sequence: "*", number: 3)),
        ("MSGDONE,*,3,answer", .messageDone(sequence: "*", number: 3)),
        ("MSGFAIL,a%20b,3,39,2", .messageFailed(sequence: "a b", number: 3, code: 39, text: "2")),
        ("MPNZERO,x", .unknown(tag: "MPNZERO")),
        ("", .unknown(tag: "")),
        ("VERYLONGTAGTHATISUNKNOWN,1", .unknown(tag: "VERYLONGTAGTHATI")),
        // The Kelvin sign, invalid UTF-8 after decoding: replaced.
        ("END,1,%FFx", .ended(code: 1, text: "\u{FFFD}x")),
    ]

    @Test(arguments: lines) func `each line of the protocol is read`(text: String, expected: ServerLine) throws {
        #expect(try withBytes(text) { try ServerLine($0) } == expected)
    }

    @Test(arguments: [
        "CONOK,S1", "CONOK,S1,50000,x,*", "CONOK,,50000,5000,*", "CONERR,x,y", "END", "REQERR,1", "REQOK,x", "PROG",
        "PROG,-1", "PROG,99999999999999999999", "LOOP,", "SYNC,1s",
    ])
    func `a malformed line that does not count says so`(text: String) {
        #expect(throws: LineError(tag: String(text.prefix { $0 != "," }), isData: false)) {
            try withBytes(text) { try ServerLine($0) }
        }
    }

    @Test(arguments: ["SUBOK,1,2", "SUBOK,1,2,4x", "CONF,1,unlimited,maybe", "EOS,1", "OV,1,1,-1", "UNSUB", "CS,1,"])
    func `a malformed line that counts says that the count is not sure`(text: String) {
        #expect(throws: LineError(tag: String(text.prefix { $0 != "," }), isData: true)) {
            try withBytes(text) { try ServerLine($0) }
        }
    }

    @Test func `no prefix of any line traps`() {
        for (text, _) in Self.lines {
            let bytes = Array(text.utf8)
            for count in 0...bytes.count { bytes[..<count].withUnsafeBytes { _ = try? ServerLine($0) } }
        }
    }

    @Test func `exactly the ten tags of data count`() throws {
        let counting = try Self.lines.filter { try withBytes($0.0) { try ServerLine($0) }.isData }
        let tags = Set(counting.map { String($0.0.prefix { $0 != "," }) })
        #expect(tags == ["SUBOK", "SUBCMD", "UNSUB", "EOS", "CS", "OV", "CONF", "MSGDONE", "MSGFAIL"])
    }
}
