import Foundation
import Host
import MarketData
@testable import StreamIngest
import Testing
import TestKit
import TLCP

@Suite struct StreamCaptureTests {
    private static let account = "Z1ACC"
    private static let tokens = ["c0ffee01CC01112", "dec0de02CD01112"]

    /// Takes what a session delivers and throws it away.
    private struct Silence: SessionSink {
        mutating func updated(_ update: FieldUpdate) {}
        mutating func happened(_ event: SessionEvent) {}
    }

    /// A session whose broker says these texts, one after the other; `nil`: the connection ends.
    private func lines(
        of answers: [String?], transports: SessionOptions.Transports = .webSocketOnly, in folder: TemporaryFolder
    ) throws -> [String] {
        let path = folder.path + "/capture"
        let capture = try StreamCapture(path: path)
        let endpoint = try #require(Endpoint("https://apd.example.com"))
        var options = SessionOptions(
            endpoint: endpoint, user: Self.account, password: "CST-\(Self.tokens[0])|XST-\(Self.tokens[1])")
        options.transports = transports
        var session = ClientSession(options: options, seed: 1)
        var sink = Silence()
        _ = session.subscribe(SubscriptionRequest(mode: .merge, items: ["A:B"], fields: ["C", "D"]), now: .zero)
        session.start(now: .zero, into: &sink)
        var time = Duration.zero
        var stream: TransportID?
        func settle(_ session: inout ClientSession) {
            while session.hasActions {
                for action in session.takeActions() {
                    capture.carriedOut(action, at: UTCNanos(rawValue: 5))
                    if case .openStream(let id, _, _, _) = action { stream = id }
                    guard case .openWebSocket(let id, _, _) = action else { continue }
                    stream = id
                    session.transportOpened(id, now: time)
                }
            }
        }
        settle(&session)
        for answer in answers {
            time += .seconds(1)
            session.timePassed(now: time, into: &sink)
            settle(&session)
            let id = try #require(stream)
            if let answer {
                // In pieces: a line is one line wherever a read ends.
                for piece in [answer.prefix(9), answer.dropFirst(9)] {
                    Array(piece.utf8).withUnsafeBytes { bytes in
                        capture.received(bytes, from: id, at: UTCNanos(rawValue: 7))
                        session.received(bytes, from: id, now: time, into: &sink)
                    }
                }
            } else {
                capture.ended(id, reason: "reset of \(Self.tokens[0])", at: UTCNanos(rawValue: 9))
                session.transportClosed(id, reason: "reset", now: time, into: &sink)
            }
            settle(&session)
        }
        try capture.flush()
        return String(decoding: fileBytes(path), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func `requests are written without their secrets, lines as they came without session ids`() throws {
        let folder = TemporaryFolder()
        let lines = try lines(
            of: [
                "WSOK\r\nCONOK,Sabc123T9,50000,5000,apd1f.example.com\r\n",
                "SUBOK,1,1,2\r\nU,1,1,5|%7c\r\nERROR,67,what Sabc123T9 of \(Self.account) is CST-\(Self.tokens[0])%7CXST-\(Self.tokens[1])\r\n",
            ], in: folder)
        #expect(
            lines == [
                "candlewick-capture 1", "5 ! open websocket https://apd.example.com/lightstreamer", "5 > wsok",
                "5 > create_session LS_adapter_set=DEFAULT&LS_supported_diffs=&LS_send_sync=false", "7 < WSOK",
                "7 < CONOK,session-1,50000,5000,apd1f.example.com",
                "5 > control LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=MERGE&LS_group=A%3AB&LS_schema=C%20D&LS_snapshot=true",
                "7 < SUBOK,1,1,2", "7 < U,1,1,5|%7c",
                "7 < ERROR,67,what session-1 of (secret) is CST-(secret)%7CXST-(secret)", "5 ! end closed by us",
            ])
        var info = stat()
        #expect(stat(folder.path + "/capture", &info) == 0 && info.st_mode & 0o777 == 0o600)
    }

    @Test func `a cut and the lines after it are written, and an unfinished line is not`() throws {
        let lines = try lines(
            of: [
                "CONOK,Sabc123T9,50000,5000,*\r\nSUBOK,1,1,2\r\nU,1,1,5|6\r\nU,1,1,5", nil,
                "CONOK,Sabc123T9,50000,5000,*\r\nPROG,2\r\nU,1,1,7|\r\n",
            ], transports: .httpOnly, in: TemporaryFolder())
        #expect(
            lines.suffix(6) == [
                "9 ! end reset of (secret)", "5 ! open http https://apd.example.com/lightstreamer",
                "5 > bind_session LS_recovery_from=2&LS_keepalive_millis=5000&LS_send_sync=false&LS_content_length=50000000",
                "7 < CONOK,session-1,50000,5000,*", "7 < PROG,2", "7 < U,1,1,7|",
            ])
        #expect(lines.contains("7 < U,1,1,5|6"))
        #expect(!lines.contains("7 < U,1,1,5"))
    }

    @Test func `a file that exists is left alone`() throws {
        let path = TemporaryFolder().write("mine".utf8, to: "capture")
        #expect(throws: Failure.self) { _ = try StreamCapture(path: path) }
    }

    @Test func `a disk that takes nothing is reported, and no part of a burst stays`() throws {
        let folder = TemporaryFolder()
        let capture = StreamCapture(path: folder.path + "/none", descriptor: open("/dev/full", O_WRONLY))
        #expect { try capture.flush() } throws: { "\($0)".contains("/none cannot be written: No space left") }
    }

    @Test func `a capture of nothing leaves no file`() throws {
        let folder = TemporaryFolder()
        do { _ = try StreamCapture(path: folder.path + "/capture") }
        #expect(folderNames(folder.path).isEmpty)
    }
}
