import Host
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// The status of the stages of several collectors.
@Suite struct StatusListenerTests {
    private let folder = TemporaryFolder()
    private let eu = Collector("eu")!

    private func publisher(_ stage: Stage, _ paths: Paths) throws -> StatusPublisher {
        try StatusPublisher(stage, bus: try SocketBus(paths), logger: quietLogger())
    }

    @Test func `each collector's stages are heard by themselves, store-writer once`() async throws {
        let paths = try Paths(runtime: folder.path, state: folder.path)
        try paths.of(eu).prepare()
        let publishers = [
            (Stage.ingestStream, "one", try publisher(.ingestStream, paths)),
            (.ingestStream, "two", try publisher(.ingestStream, paths.of(eu))),
            (.storeWriter, "all", try publisher(.storeWriter, paths)),
        ]
        let listener = try StatusListener(paths: paths, collectors: [.main], clock: .system)
        #expect(listener.heard.map { "\($0.stage)" } == ["ingest-stream", "aggregator", "store-writer"])
        try listener.listen(to: [eu, .main])
        try await eventually("all are heard") {
            for (stage, state, publisher) in publishers {
                let status = StageStatus(
                    stage, time: UTCNanos(rawValue: 1), state: state, outputs: [], metrics: MetricValues())
                try publisher.publish(status)
            }
            listener.listen(milliseconds: 10)
            return listener.heard.count { $0.status != nil } == 3
        }
        let heard = listener.heard.map { "\($0.collector?.name ?? "-") \($0.stage) \($0.status?.state ?? "down")" }
        #expect(
            heard == [
                "eu ingest-stream two", "eu aggregator down", "main ingest-stream one", "main aggregator down",
                "- store-writer all",
            ])
    }
}
