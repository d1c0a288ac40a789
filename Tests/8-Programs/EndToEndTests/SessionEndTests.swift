import Testing
import TestKit

/// The ends of sessions and sockets: a recoverable one is recovered, any other leaves a recorded hole.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct SessionEndTests {
    @Test(arguments: [
        ("end=48", "code 48 Session closed"), ("end=32", "code 32 Session closed"), ("end=0", "code 0 null"),
    ])
    func `a session that the broker ended is replaced, with a hole`(fault: String, reason: String) async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "600"])
        try pipeline.fault(fault)
        try await SteadyFeed.expectOneHole(pipeline)
        #expect(try pipeline.history() == Pipeline.begun + ["blind began", "session replaced", "blind ended"])
        #expect(pipeline.said("ingest-stream", "Session lost", reason))
        // A cause of the application's own may be the tokens.
        #expect(pipeline.said("ingest-stream", "Logged in again") == (fault == "end=0"))
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: [("close", "closed by the server: 1000"), ("cut", "connection closed")])
    func `a socket that ends without END is recovered, and nothing is missing`(
        fault: String, reason: String
    ) async throws {
        let pipeline = try await SteadyFeed.play(seconds: 900, ["--speed", "300"])
        try await eventually("the first candle", within: .seconds(20)) {
            try pipeline.count("SELECT COUNT(*) FROM candle") > 0
        }
        try pipeline.fault(fault)
        try await SteadyFeed.expectWhole(pipeline, ticks: 900)
        #expect(try pipeline.history() == Pipeline.begun + ["blind began", "session recovered", "blind ended"])
        #expect(pipeline.said("ingest-stream", "Connection lost, recovering the session", reason))
        try await pipeline.expectCleanEnd()
    }
}
