import Foundation
import Host
import MarketData
import Reports
import Settings
import TestKit
import Testing

@testable import Watching

@Suite(.timeLimit(.minutes(1))) struct WayTests {
    private func webhook(
        _ receiver: Receiver, _ shape: Configuration.Watch.Shape = .json, token: String? = nil
    ) throws -> Webhook {
        Webhook(try WebAddress(receiver.url, token: token, credential: "CANDLEWICK_WATCH_URL"), shape: shape)
    }

    private func sent(_ way: any Way) async throws -> String? {
        try await onOwnThread { way.send(Samples.well, isCancelled: { false }) }
    }

    @Test func `a webhook posts the message, with the token as bearer`() async throws {
        let receiver = Receiver()
        #expect(try await sent(webhook(receiver, token: "bearer-88")) == nil)
        let request = try #require(receiver.requests.first)
        #expect(request.line == "POST /a-token-77")
        #expect(request.head.contains("\r\nAuthorization: Bearer bearer-88"))
        #expect(request.head.contains("\r\nContent-Type: application/json"))
        let object = try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any]
        #expect(object?["state"] as? String == "ok")
    }

    @Test func `a ping is a GET`() async throws {
        let receiver = Receiver()
        #expect(try await sent(Ping(WebAddress(receiver.url, credential: "URL"))) == nil)
        #expect(receiver.requests.map(\.line) == ["GET /a-token-77"])
    }

    @Test(arguments: [(Receiver.Manner.answers(500), "HTTP status 500"), (.redirects, "HTTP status 302")])
    func `a refusal is a failure, and names no address`(manner: Receiver.Manner, reason: String) async throws {
        let receiver = Receiver(manner)
        #expect(try await sent(webhook(receiver)) == reason)
        #expect(receiver.requests.count == 1)
    }

    @Test func `a receiver that is gone is a failure without its address`() async throws {
        let gone = ClosingServer().port
        let way = Webhook(try WebAddress("http://127.0.0.1:\(gone)/a-token-77", credential: "URL"), shape: .json)
        let reason = try #require(try await sent(way))
        #expect(!reason.contains("token") && !reason.contains("127.0.0.1"))
    }

    @Test(arguments: [Receiver.Manner.hangs, .drips])
    func `a receiver without an end takes bounded time`(manner: Receiver.Manner) async throws {
        let receiver = Receiver(manner)
        let began = Clock.system.monotonic()
        let reason = try #require(try await sent(webhook(receiver)))
        let seconds = (Clock.system.monotonic() - began) / 1_000_000_000
        #expect(reason.localizedCaseInsensitiveContains("time"))
        #expect((9...30).contains(seconds), "\(seconds) s")
        receiver.release()
    }

    @Test func `a send that hangs can be given up`() async throws {
        let receiver = Receiver(.hangs)
        let way = try webhook(receiver)
        let reason = try await onOwnThread { way.send(Samples.well, isCancelled: { !receiver.requests.isEmpty }) }
        #expect(reason != nil)
        receiver.release()
    }

    @Test(arguments: [
        "ftp://example.org/x", "http://example.org/x", "http://127.0.0.1.example.org/x", "example.org", "",
        "http://127.0.0.1:80@example.org/x", "http://localhost:@example.org/x",
        "https://example.org/a b", "https://example.org/\n",
    ])
    func `what is no address for a secret is refused`(text: String) throws {
        let failure = #expect(throws: Failure.self) { try WebAddress(text, credential: "CANDLEWICK_WATCH_URL") }
        #expect(failure?.code == .configuration)
        #expect(text.isEmpty || failure?.description.contains(text) == false)
    }

    // MARK: Programs

    private func script(_ text: String, in folder: TemporaryFolder) -> String {
        let path = folder.write("#!/bin/sh\n\(text)\n".utf8, to: "program")
        chmod(path, 0o700)
        return path
    }

    @Test func `a command gets the JSON, and no secret in its environment`() async throws {
        let folder = TemporaryFolder()
        let path = script("cat > \(folder.path)/message; env > \(folder.path)/environment", in: folder)
        let environment = Environment([
            "PATH": "/usr/bin:/bin", "TZ": "UTC", "CANDLEWICK_WATCH_URL": "s-1", "IG_PASSWORD": "s-2",
            "CREDENTIALS_DIRECTORY": "/s-3", "PGPASSWORD": "s-4", "NEW_SECRET": "s-5",
        ])
        #expect(try await sent(Command(path, environment: environment)) == nil)
        let message = String(decoding: fileBytes("\(folder.path)/message"), as: UTF8.self)
        #expect(Array((message.dropLast()).utf8) == Samples.well.request(.json, chat: nil).body)
        let seen = String(decoding: fileBytes("\(folder.path)/environment"), as: UTF8.self)
        #expect(seen.contains("TZ=UTC"))
        #expect(!seen.contains("s-"))
    }

    @Test func `a command that fails gives its code and its first line`() async throws {
        let folder = TemporaryFolder()
        let path = script("echo no such room >&2; echo more >&2; exit 9", in: folder)
        let environment = Environment(["PATH": "/usr/bin:/bin"])
        #expect(try await sent(Command(path, environment: environment)) == "\(path) ended with 9: no such room")
        #expect(
            try await sent(Command("/no/such", environment: environment)) == "/no/such does not exist")
    }

    @Test func `mail goes to sendmail on its standard input`() async throws {
        let folder = TemporaryFolder()
        let path = script("echo \"$@\" > \(folder.path)/arguments; cat > \(folder.path)/mail", in: folder)
        let way = Mail(to: "ops@example.org", environment: Environment(["PATH": "/usr/bin:/bin"]), program: path)
        #expect(try await sent(way) == nil)
        #expect(String(decoding: fileBytes("\(folder.path)/arguments"), as: UTF8.self) == "-t -i\n")
        #expect(
            String(decoding: fileBytes("\(folder.path)/mail"), as: UTF8.self)
                == Samples.well.mail(to: "ops@example.org"))
    }

    // MARK: Configuration

    @Test func `the ways are those that are configured`() throws {
        var settings = Configuration.Watch()
        #expect(try Ways(settings, environment: Environment([:])).isEmpty)
        (settings.command, settings.mail) = ("/bin/true", "ops@example.org")
        let variables = [
            "CANDLEWICK_WATCH_URL": "https://example.org/x", "CANDLEWICK_WATCH_PING_URL": "https://example.org/p",
        ]
        let ways = try Ways(settings, environment: Environment(variables))
        #expect(ways.all.map(\.name) == ["webhook", "command", "mail"])
        #expect(ways.ping != nil)
    }

    @Test(arguments: [("secret-88\n", true), ("secret 88", false), ("secret\n88", false), ("geheim-ü", false)])
    func `a line end behind the token is dropped, and what is no token is refused`(token: String, isRight: Bool) {
        let environment = Environment([
            "CANDLEWICK_WATCH_URL": "https://example.org/x", "CANDLEWICK_WATCH_TOKEN": token,
        ])
        do {
            #expect(try Ways(Configuration.Watch(), environment: environment).all.count == 1)
            #expect(isRight)
        } catch {
            #expect(!isRight && "\(error)".hasPrefix("CANDLEWICK_WATCH_TOKEN must be ") && !"\(error)".contains("88"))
        }
    }

    @Test func `Telegram needs a chat`() {
        var settings = Configuration.Watch()
        settings.shape = .telegram
        let environment = Environment(["CANDLEWICK_WATCH_URL": "https://example.org/x"])
        #expect(throws: Failure.self) { try Ways(settings, environment: environment) }
        settings.chat = "-1001"
        #expect(throws: Never.self) { try Ways(settings, environment: environment) }
    }

    @Test(arguments: [
        ("command: bin/x", false), ("command: '/opt/x y'", false), ("command: /opt/x", true), ("mail: a@b.org", true),
        ("mail: 'a@b.org, c@d.org'", false), ("mail: \"a@b.org\\nBcc: c@d.org\"", false), ("mail: -oQ/tmp", false),
        ("chat: -100123", true), ("chat: '@ops_room'", true), ("chat: 'a b'", false), ("shape: teams", false),
        ("every_seconds: 0", false), ("least: warning", true),
    ])
    func `a setting is checked`(line: String, isRight: Bool) {
        let configuration = try? Configuration(yaml: "watch: {\(line)}", path: "c.yaml")
        #expect((configuration != nil) == isRight)
    }

    @Test(arguments: [
        (
            ["MONITOR_EXIT_CODE": "exited", "MONITOR_EXIT_STATUS": "78"],
            "ended with exit code 78 (wrong configuration or credentials)"
        ),
        (
            ["MONITOR_EXIT_CODE": "exited", "MONITOR_EXIT_STATUS": "243"],
            "ended with exit code 243 (a credential's file is missing)"
        ),
        (["MONITOR_EXIT_CODE": "exited", "MONITOR_EXIT_STATUS": "9"], "ended with exit code 9"),
        (
            ["MONITOR_EXIT_CODE": "dumped", "MONITOR_EXIT_STATUS": "ABRT", "MONITOR_SERVICE_RESULT": "watchdog"],
            "was ended by SIGABRT (watchdog)"
        ),
        (
            ["MONITOR_EXIT_CODE": "killed", "MONITOR_EXIT_STATUS": "KILL", "MONITOR_SERVICE_RESULT": "signal"],
            "was ended by SIGKILL"
        ),
        (["MONITOR_SERVICE_RESULT": "resources"], "failed: resources"), ([:], "failed"),
    ])
    func `a failed unit's message says how it ended`(variables: [String: String], text: String) {
        let notice = Notice.failure(
            of: "candlewick-x.service", environment: Environment(variables), at: .init(rawValue: 0), host: "fx1")
        #expect(notice.appeared.map(\.finding.finding) == [text])
        #expect(notice.state == .failed)
    }
}
