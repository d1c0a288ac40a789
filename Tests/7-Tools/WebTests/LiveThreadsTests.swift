import Host
import HTTPService
import Inspection
import MarketData
import Settings
import TestKit
import Testing
@testable import Web
import Wire

/// Both threads, on a folder in which nothing runs yet.
@Suite struct LiveThreadsTests {
    private let folder = TemporaryFolder()

    private func facts(
        _ latest: Latest<PipelineView>, configuration: String = "instruments: [EUR_USD]\n"
    ) throws -> SiteFacts {
        let file = folder.write(Array(configuration.utf8), to: "candlewick.yaml")
        return SiteFacts(
            paths: try Paths(runtime: folder.path, state: folder.path),
            environment: Environment(["CANDLEWICK_CONFIG": file]), clock: .system, live: LiveHub(), latest: latest)
    }

    @Test func `the pipeline is looked at for all answers, and its state goes to those who hear it`() async throws {
        let latest = Latest<PipelineView>()
        let facts = try facts(latest)
        let stop = try StopPipe()
        let threads = LiveThreads(facts, latest: latest, stop: stop.descriptor, logger: quietLogger())
        try await eventually("the pipeline is seen") { latest.value != nil }
        #expect(latest.value?.collectors.all == [.main])
        let client = FakeStream()
        facts.live.add(Sample.subscription([.state]), client)
        try await eventually("two states come") { client.sent.count >= 3 }
        #expect(client.sent[1].hasPrefix("s:{") && client.sent[1].contains("\"verdict\""))
        stop.raise()
        try await onOwnThread { threads.join() }
    }

    @Test func `what fails begins again, and is logged once`() async throws {
        let latest = Latest<PipelineView>()
        let facts = try facts(latest, configuration: "instruments: [EUR_USD\n")
        let (stop, lines) = (try StopPipe(), LoggedLines())
        let threads = LiveThreads(facts, latest: latest, stop: stop.descriptor, logger: lines.logger)
        var said: [String] = []
        try await eventually("it fails") {
            said += lines.take()
            return !said.isEmpty
        }
        folder.write(Array("instruments: [EUR_USD]\n".utf8), to: "candlewick.yaml")
        try await eventually("the pipeline is seen") { latest.value != nil }
        said += lines.take()
        #expect(said.count == 1 && said[0].hasPrefix("Look at the pipeline failed, and begins again"))
        stop.raise()
        try await onOwnThread { threads.join() }
    }

    @Test func `threads that are asked to stop end`() async throws {
        let latest = Latest<PipelineView>()
        let stop = try StopPipe()
        stop.raise()
        let threads = LiveThreads(try facts(latest), latest: latest, stop: stop.descriptor, logger: quietLogger())
        try await onOwnThread { threads.join() }
        #expect(latest.value == nil)
    }
}
