import Foundation
import Testing
import TestKit

/// The verdict over real processes: the monitor must not stay green over a dead feed.
@Suite struct VerdictTests {
    /// Waits until `status` ends with 69 and says something.
    private func reported(_ sentence: String, by pipeline: Pipeline, within seconds: Int = 40) async throws {
        try await eventually("status says '\(sentence)'; \(pipeline.logs)", within: .seconds(seconds)) {
            let status = try await pipeline.result("candlewick", ["status"])
            return status.code == 69 && status.errors.contains(sentence)
        }
    }

    @Test(arguments: [
        ("silence=noprobe", "no heartbeat for"), ("silence", "no heartbeat for"),
        ("refuse-login expire-tokens end=32", "(logging in)"),
    ])
    func `a feed that dies in an open market is reported by every command`(fault: String, sentence: String) async throws
    {
        let pipeline = try await SteadyFeed.begin(["--speed", "60"])
        try await eventually("all is well; \(pipeline.logs)", within: .seconds(30)) {
            try await pipeline.result("candlewick", ["status"]).output.hasPrefix("all is well\n")
        }
        try pipeline.fault(fault)
        try await reported(sentence, by: pipeline)
        let top = try await pipeline.result("candlewick", ["top", "--for", "2s", "--plain"])
        #expect(top.output.contains("no heartbeat for"), "\(top.output)")
        let doctor = try await pipeline.result("candlewick", ["doctor", "--offline"])
        #expect(doctor.code == 69 && doctor.output.contains("failed   feed: no heartbeat for"), "\(doctor.output)")
        let gaps = try await pipeline.result("candlewick", ["gaps", "--check", "--days", "1"])
        #expect([65, 69].contains(gaps.code), "\(gaps)")
        try pipeline.fault("clear")
        try await pipeline.expectCleanEnd()
    }

    @Test func `a pair whose subscription ends is reported, and the others are not`() async throws {
        let pipeline = try await SteadyFeed.play(["EUR_USD", "NZD_USD"], seconds: 43_200, ["--speed", "60"])
        try await Payrolls.begun(pipeline, candles: 2)
        try pipeline.fault("unsubscribe=CS.D.EURUSD.CFD.IP:900")
        try await reported("EUR_USD blind since", by: pipeline)
        let status = try await pipeline.result("candlewick", ["status", "--json"])
        let object = try #require(JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
        let verdict = try #require(object["verdict"] as? [String: Any])
        let findings = try #require(verdict["findings"] as? [[String: Any]])
        #expect(verdict["state"] as? String == "failed")
        #expect(findings.map { $0["subject"] as? String } == ["EUR_USD"], "\(findings)")
        try await pipeline.expectCleanEnd()
    }
}
