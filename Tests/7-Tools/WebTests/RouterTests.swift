import Foundation
import Host
import HTTPService
import Store
import Synchronization
import TestKit
import Testing

@testable import Web

@Suite struct RouterTests {
    private let folder = TemporaryFolder()
    private let facts: SiteFacts
    private let workers: Workers

    init() throws {
        facts = SiteFacts(
            paths: try Paths(state: folder.path), environment: Environment([:]), clock: .system, live: LiveHub(),
            latest: Latest())
        workers = Workers(facts)
    }

    private struct Reply: Hashable {
        let status: Int
        let text: String
    }

    private static func group(_ prefix: String, _ routes: [Route] = []) -> RouteGroup {
        RouteGroup(prefix: prefix, routes: routes) { error in
            HTTPResponse(error.status, contentType: "text/plain", text: "\(prefix): \(error.message)")
        }
    }

    private static func word(_ pattern: String, _ body: @escaping @Sendable (RouteRequest) throws -> String) -> Route {
        Route(pattern, .now { request, _ in HTTPResponse(contentType: "text/plain", text: try body(request)) })
    }

    /// Waits for the answer, which may come from a worker.
    private func ask(_ path: String, _ groups: [RouteGroup]) async throws -> Reply {
        let router = Router(groups, facts, workers, quietLogger())
        let box = Answer()
        router.respond(to: HTTPRequest(path: path, segments: path.split(separator: "/").map(String.init))) { answer in
            if case .whole(let response) = answer { box.response.withLock { $0 = response } }
        }
        try await eventually("it is answered") { box.response.withLock { $0 } != nil }
        let response = try #require(box.response.withLock { $0 })
        return Reply(status: response.status, text: String(decoding: response.body, as: UTF8.self))
    }

    @Test func `the group with the longest prefix answers, and in its own form also what is not there`() async throws {
        let groups = [
            RouterTests.group("", [RouterTests.word("/") { _ in "page" }]),
            RouterTests.group("/api/v1", [RouterTests.word("/api/v1/status") { _ in "status" }]),
        ]
        #expect(try await ask("/", groups) == Reply(status: 200, text: "page"))
        #expect(try await ask("/api/v1/status", groups) == Reply(status: 200, text: "status"))
        #expect(try await ask("/api/v1/x", groups).text.hasPrefix("/api/v1: "))
        #expect(try await ask("/api/v1x", groups).text.hasPrefix(": "))
        #expect(try await ask("/api/v1x", groups).status == 404)
        workers.stop()
    }

    @Test func `names of a pattern are handed on, and a plain part comes before a name`() async throws {
        let groups = [
            RouterTests.group(
                "",
                [
                    RouterTests.word("/c/{pair}/{timeframe}") { $0.name("pair") + " " + $0.name("timeframe") },
                    RouterTests.word("/c/{pair}/latest") { "latest " + $0.name("pair") },
                ])
        ]
        #expect(try await ask("/c/EUR_USD/5m", groups) == Reply(status: 200, text: "EUR_USD 5m"))
        #expect(try await ask("/c/EUR_USD/latest", groups) == Reply(status: 200, text: "latest EUR_USD"))
        #expect(try await ask("/c/EUR_USD", groups).status == 404)
        workers.stop()
    }

    @Test func `what cannot be read now is 503 with its sentence, what the operator must mend 500 without details`()
        async throws
    {
        struct Mistake: Error {}
        let groups = [
            RouterTests.group(
                "",
                [
                    Route(
                        "/missing",
                        .query { _, worker in
                            _ = try worker.store(); return HTTPResponse(contentType: "", text: "")
                        }),
                    Route("/store", .query { _, _ in throw StoreError("read", "db", reason: "disk", exitCode: .io) }),
                    Route("/mistake", .query { _, _ in throw Mistake() }),
                    Route("/setup", .query { _, _ in throw Failure(.configuration, "web.listen is wrong") }),
                    Route("/bad", .query { _, _ in throw WebError.badRequest("count is not a number") }),
                ])
        ]
        let missing = try await ask("/missing", groups)
        #expect(missing.status == 503 && missing.text.contains("does not exist"))
        #expect(try await ask("/store", groups) == Reply(status: 503, text: ": database db: read failed: disk"))
        let mistake = try await ask("/mistake", groups)
        #expect(mistake.status == 500 && !mistake.text.contains("Mistake"))
        let setup = try await ask("/setup", groups)
        #expect(setup.status == 500 && !setup.text.contains("web.listen"))
        #expect(try await ask("/bad", groups) == Reply(status: 400, text: ": count is not a number"))
        workers.stop()
    }

    @Test func `queries beyond those that may wait are refused with the time to come again`() async throws {
        let gate = Answer()
        let hold = DispatchSemaphore(value: 0)
        let router = Router(
            [
                RouterTests.group(
                    "",
                    [
                        Route(
                            "/q",
                            .query { _, _ in
                                hold.wait(); return HTTPResponse(contentType: "", text: "")
                            })
                    ])
            ], facts, workers, quietLogger())
        let count = 100
        for _ in 0..<count {
            router.respond(to: HTTPRequest(path: "/q", segments: ["q"])) { answer in
                if case .whole(let response) = answer { gate.all.withLock { $0.append(response) } }
            }
        }
        let refused = gate.all.withLock { $0 }
        #expect(refused.count >= count - Workers.waitingLimit - 2)
        #expect(
            refused.allSatisfy {
                $0.status == 503 && $0.headers.contains { $0.name == "Retry-After" && $0.value == "1" }
            })
        for _ in 0..<count { hold.signal() }
        try await eventually("all are answered") { gate.all.withLock { $0.count } == count }
        workers.stop()
    }
}

private final class Answer: Sendable {
    let response = Mutex<HTTPResponse?>(nil)
    let all = Mutex<[HTTPResponse]>([])
}
