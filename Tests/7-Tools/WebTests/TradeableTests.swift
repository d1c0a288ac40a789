import Host
import IG
@testable import Inspection
import MarketData
import Settings
import Store
import Streams
import Testing
import TestKit
import Wire

@testable import Web

/// When prices count as those of now.
@Suite struct TradeableTests {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let tuesday = BotSite.start

    /// What bots are told of EUR_USD, of which ingest-stream says the market's time.
    private func isTradeable(
        at moment: UTCSeconds = tuesday, speaks: Bool = true, _ change: (inout Continuity) -> Void = { _ in }
    ) throws -> Bool {
        let collectors = Collectors(own: Configuration())
        let now = UTCNanos(seconds: moment)
        var metrics = MetricValues()
        metrics.set(.marketTime, moment.rawValue)
        let status = StageStatus(.ingestStream, time: now, state: "streaming", outputs: [], metrics: metrics)
        let heard = StatusListener.Heard(.ingestStream, speaks ? status : nil, receivedAt: speaks ? now : nil)
        var stored = StoreSnapshot(collectors, now: moment)
        var facts = StoreSnapshot.OfCollector(quota: QuotaLedger(weeklyPoints: 0).estimate(now: moment))
        change(&facts.continuity)
        stored.collectors[.main] = facts
        let site = try BotSite(OandaRoutes.group, [])
        let seen = Verdict.Observation(
            stages: [heard], stored: stored, collectors: collectors, now: now, free: nil, assumptions: [:])
        site.latest.value = PipelineView(seen, collectors, paths: site.facts.paths)
        return site.facts.seesPrices(of: Make.eurUSD)
    }

    @Test func `prices of an open market that is seen are tradeable`() throws {
        #expect(try isTradeable())
    }

    @Test func `prices are not tradeable on Saturday, nor while the feed or the pair is blind or ingest-stream silent`()
        throws
    {
        #expect(try !isTradeable(at: Self.tuesday + .seconds(4 * 86_400)))
        #expect(try !isTradeable(speaks: false))
        let since = UTCNanos(seconds: Self.tuesday - .seconds(5))
        #expect(try !isTradeable { $0.pairs["EUR_USD", default: Blindness()].since = since })
        #expect(try !isTradeable { $0.feed.since = since })
        #expect(try isTradeable { $0.pairs["GBP_USD", default: Blindness()].since = since })
    }

    @Test func `before the pipeline was seen no price is tradeable`() throws {
        #expect(try !BotSite(OandaRoutes.group, []).facts.seesPrices(of: Make.eurUSD))
    }
}
