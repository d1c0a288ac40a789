import Foundation
import Glibc
import Host
import IG
import IGClient
import Logging
@testable import StreamIngest
import Synchronization
import Testing
import TestKit

/// Answers each connection with the next of its texts, and keeps what was asked. One thread.
private final class TextServer: Sendable {
    let port: Int
    private let asked = Mutex<[String]>([])
    var requests: [String] { asked.withLock { $0 } }

    init(_ answers: [String]) throws {
        let (socket, port) = listenOnLoopback()
        self.port = Int(port)
        Thread { [self] in
            for answer in answers {
                let client = accept(socket, nil, nil)
                let request = TextServer.readRequest(client)
                asked.withLock { $0.append(request) }
                _ = write(client, answer, answer.utf8.count)
                close(client)
            }
            close(socket)
        }.start()
    }

    private static func readRequest(_ client: Int32) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(client, &buffer, buffer.count)
            guard count > 0 else { return text }
            text += String(decoding: buffer[..<count], as: UTF8.self)
            guard let head = text.range(of: "\r\n\r\n") else { continue }
            let length = text.lowercased().range(of: "content-length: ").map {
                text[$0.upperBound...].prefix { $0.isNumber }
            }
            if text[head.upperBound...].utf8.count >= Int(length ?? "0") ?? 0 { return text }
        }
    }

    static func answer(_ status: String, _ headers: [String] = [], _ body: String) -> String {
        (["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers)
            .joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}

@Suite(.serialized) struct LoginTests {
    static let session =
        #"{"currentAccountId":"ABC12","lightstreamerEndpoint":"https://apd.example.com","timezoneOffset":1}"#

    static func credentials(_ port: Int, account: String = "") throws -> Credentials {
        try Credentials(
            environment: Environment([
                "IG_API_KEY": "key-very-secret", "IG_USERNAME": "user-very-secret", "IG_PASSWORD": "pass\"very-secret",
                "IG_ACC_NUMBER": account, "IG_REST_URL": "http://127.0.0.1:\(port)/gateway/deal",
            ]))
    }

    @Test func `a login takes the tokens from headers of any case`() throws {
        let server = try TextServer([
            TextServer.answer("200 OK", ["cSt: client-token", "x-security-token: account-token"], Self.session)
        ])
        let login = try RESTClient.login(try Self.credentials(server.port))
        #expect(login.streamPassword.reveal() == "CST-client-token|XST-account-token")
        #expect(login.accountID == "ABC12")
        #expect(login.lightstreamerEndpoint == "https://apd.example.com")
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("POST /gateway/deal/session HTTP/1.1\r\n"))
        for header in ["X-IG-API-KEY: key-very-secret", "Version: 2", "Content-Type: application/json; charset=UTF-8"] {
            #expect(request.contains("\r\n\(header)\r\n"), "\(header)")
        }
        #expect(request.hasSuffix(#"{"identifier":"user-very-secret","password":"pass\"very-secret"}"#))
        #expect(!"\(login)".contains("token"))
    }

    @Test func `another account than the preferred one is switched to, with its new token`() throws {
        let server = try TextServer([
            TextServer.answer("200 OK", ["CST: c1", "X-SECURITY-TOKEN: a1"], Self.session),
            TextServer.answer("200 OK", ["X-SECURITY-TOKEN: a2"], "{}"),
        ])
        let login = try RESTClient.login(try Self.credentials(server.port, account: "XYZ99"))
        #expect(login.accountID == "XYZ99")
        #expect(login.streamPassword.reveal() == "CST-c1|XST-a2")
        #expect(server.requests.last?.contains(#"{"accountId":"XYZ99"}"#) == true)
    }

    @Test(arguments: [
        ("401 Unauthorized", "error.security.invalid-details"), ("403 Forbidden", "error.security.api-key-invalid"),
        ("400 Bad Request", "error.public-api.failure.encryption.required"),
        ("400 Bad Request", "validation.pattern.invalid.authenticationRequest.identifier"),
    ])
    func `what cannot get better ends with 78 and one line without secrets`(status: String, code: String) throws {
        let server = try TextServer([TextServer.answer(status, [], #"{"errorCode":"\#(code)"}"#)])
        let credentials = try Self.credentials(server.port)
        let failure = try #require(throws: Failure.self) { try RESTClient.login(credentials) }
        #expect(failure.code == .configuration)
        #expect(failure.description.contains(code))
        #expect(!failure.description.contains("very-secret"))
        #expect(!failure.description.contains("\n"))
    }

    @Test(arguments: [
        TextServer.answer("503 Unavailable", [], "down"),
        TextServer.answer("401 Unauthorized", [], #"{"errorCode":"error.security.client-token-invalid"}"#),
        TextServer.answer("302 Found", ["Location: http://127.0.0.1:1/"], ""), TextServer.answer("200 OK", [], "{}"),
        TextServer.answer("200 OK", [], session), "", "garbage\r\n\r\n",
    ])
    func `what may get better is an error to try again`(answer: String) throws {
        let server = try TextServer([answer])
        let credentials = try Self.credentials(server.port)
        let error = try #require(throws: RESTError.self) { try RESTClient.login(credentials) }
        #expect(error.disposition.forLogin == .retry)
        #expect(!"\(error)".contains("very-secret"))
        #expect(server.requests.count == 1)
    }

    @Test func `a broker that cannot be reached is an error to try again`() throws {
        let credentials = try Self.credentials(1)
        let error = try #require(throws: RESTError.self) { try RESTClient.login(credentials) }
        #expect(error.disposition == .retry)
    }

    @Test func `a stream's bytes come as they are, and its end is reported`() throws {
        let body = "CONOK,S1,50000,5000,*\r\nPROBE\r\n"
        let server = try TextServer([
            TextServer.answer("200 OK", [], body), TextServer.answer("503 Unavailable", [], "down"),
        ])
        let url = "http://127.0.0.1:\(server.port)/lightstreamer/create_session.txt?LS_protocol=TLCP-2.4.0"
        let bytes = Mutex<[UInt8]>([])
        let post = StreamingPost(url: url, body: Array("LS_cid=x".utf8))
        #expect(post.run(onBytes: { new in bytes.withLock { $0 += new } }) == nil)
        #expect(bytes.withLock { $0 } == Array(body.utf8))
        #expect(server.requests.first?.hasSuffix("LS_cid=x") == true)
        let refused = StreamingPost(url: url, body: []).run { _ in Issue.record("a page of an error is not a stream") }
        #expect(refused == "HTTP status 503")
    }
}

@Suite struct LoginSpacingTests {
    /// A process that logs in and is refused, on a clock whose every look takes a second.
    /// - Parameter body: what happens between its start and its login.
    /// - Returns: the second of its login, from its start.
    private func login(_ spacing: LoginSpacing, after body: () -> Void = {}) throws -> Int64 {
        let seconds = Shared()
        var patience = LoginPatience(
            spacing: spacing,
            clock: Clock(now: Clock.system.now) { seconds.look() * 1_000_000_000 },
            logger: quietLogger()
        ) {
            seconds.note()
            throw Failure(.configuration, "refused")
        }
        body()
        #expect(throws: Failure.self) { try patience.run(until: try StopSignal(), isOver: { false }) }
        return seconds.noted
    }

    private final class Shared: Sendable {
        private let state = Mutex<(now: Int64, noted: Int64)>((0, 0))
        var noted: Int64 { state.withLock { $0.noted } }
        func note() { state.withLock { $0.noted = $0.now } }
        func look() -> Int64 {
            state.withLock { state in
                state.now += 1
                return state.now
            }
        }
    }

    @Test func `a login refused for good is marked until one succeeds`() throws {
        let folder = TemporaryFolder()
        let seconds = Shared()
        let clock = Clock(now: Clock.system.now) { seconds.look() * 1_000_000_000 }
        let attempts = Mutex(0)
        var patience = LoginPatience(
            spacing: LoginSpacing(seconds: 1, stateFolder: folder.path), clock: clock, logger: quietLogger()
        ) {
            switch attempts.withLock({ count in
                defer { count += 1 }; return count
            }) {
            case 0: throw Failure(.unavailable, "busy")
            case 1: throw Failure(.configuration, "wrong password")
            default: return IngestWorld.login("one")
            }
        }
        var refused = 0
        patience.refused = { refused += 1 }
        let mark = TimeMark.loginRefused(stateFolder: folder.path)
        #expect(throws: Failure.self) { try patience.run(until: try StopSignal(), isOver: { false }) }
        #expect(refused == 2 && mark.time != nil)
        #expect(try patience.run(until: try StopSignal(), isOver: { false }) != nil)
        #expect(refused == 2 && mark.time == nil)
    }

    @Test func `a login waits for its distance from that of an earlier process`() throws {
        let folder = TemporaryFolder()
        let spacing = LoginSpacing(seconds: 61, stateFolder: folder.path)
        #expect(TimeMark.lastLogin(stateFolder: folder.path).time == nil)
        #expect(try login(spacing) < 5)
        #expect(try login(spacing) >= 61)
    }

    @Test func `a login that waits says once in the log how long, and the seconds that are left to who waits`() throws {
        let folder = TemporaryFolder()
        let spacing = LoginSpacing(seconds: 6, stateFolder: folder.path)
        spacing.noteAttempt()
        let (seconds, lines) = (Shared(), LoggedLines())
        var told: [String] = []
        var patience = LoginPatience(
            spacing: spacing, clock: Clock(now: Clock.system.now) { seconds.look() * 1_000_000_000 },
            logger: lines.logger
        ) { throw Failure(.configuration, "refused") }
        patience.whileWaiting = { pause in if let pause { told.append(pause.text) } }
        #expect(throws: Failure.self) { try patience.run(until: try StopSignal(), isOver: { false }) }
        let waits = lines.take().filter { $0.hasPrefix("Logins keep apart") }
        #expect(waits.count == 1 && waits[0].contains("apartSeconds=6"))
        #expect(told.count >= 4)
        #expect(told.last == "waiting for the broker: next login in 1 s, since logins keep 6 s apart")
    }

    @Test func `a login waits for its distance from that of another process meanwhile`() throws {
        let folder = TemporaryFolder()
        let spacing = LoginSpacing(seconds: 61, stateFolder: folder.path)
        #expect(try login(spacing, after: { spacing.noteAttempt() }) >= 61)
    }
}
