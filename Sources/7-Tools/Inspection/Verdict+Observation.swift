package import Archive
package import Assumptions
package import IG
package import MarketData
internal import Planning
package import Settings
package import Store
package import Streams
package import Wire

extension Verdict {
    /// What was seen of the pipeline.
    package struct Observation: Sendable {
        /// By name; at least one.
        package internal(set) var collectors: [CollectorObservation]
        package internal(set) var storeWriter: StatusListener.Heard?
        package internal(set) var stored: StoreSnapshot
        /// Those of which candles are streamed.
        package internal(set) var timeframes: [Timeframe]
        package internal(set) var calendar: TradingCalendar
        /// What the collectors' files say differently of one instrument.
        package internal(set) var disagreements: [Collectors.Disagreement]
        /// The host's clock.
        package internal(set) var now: UTCNanos
        /// Bytes free on the fullest of the disks that the stages write to; `nil` if that is not known.
        package internal(set) var free: Int64?

        /// - Parameters:
        ///   - assumptions: how often each assumption about the broker held and failed, by collector.
        ///   - backlogs: what waits for the archiver, by collector.
        init(
            stages: [StatusListener.Heard], stored: StoreSnapshot, collectors: Collectors, now: UTCNanos,
            free: Int64?, assumptions: [Collector: AssumptionTally], backlogs: [Collector: Archiver.Backlog] = [:]
        ) {
            (self.stored, self.now, self.free) = (stored, now, free)
            (timeframes, calendar) = (collectors.timeframes, collectors.calendar)
            disagreements = collectors.disagreements
            storeWriter = stages.first { $0.stage == .storeWriter }
            let inputs = storeWriter?.status?.inputs ?? []
            self.collectors = collectors.all.map { collector in
                var seen = CollectorObservation(
                    collector, collectors, stages.filter { $0.collector == collector }, stored, now: now,
                    assumptions: assumptions[collector] ?? AssumptionTally())
                seen.backlog = backlogs[collector]
                seen.unstored = inputs.first { $0.collector == collector.label && $0.failure != nil }?.failure
                return seen
            }
        }

        /// Whether a collector's name must stand beside what is its own.
        package var hasSeveral: Bool { collectors.count > 1 }

        /// All daemons, `store-writer` last.
        package var stages: [StatusListener.Heard] { collectors.flatMap(\.stages) + (storeWriter.map { [$0] } ?? []) }

        /// What store-writer measured of the last hour.
        var delay: DelayReport { DelayReport(storeWriter?.status) }

        /// The market's time, as the first collector tells it that knows it.
        package var marketNow: UTCNanos { (collectors.first { $0.knowsMarketTime } ?? collectors[0]).marketNow }

        /// Whether any instrument is traded.
        package var isOpen: Bool { collectors.contains(where: \.isOpen) }

        /// The newest time that a feed has reported; `nil` if no stage knows one.
        package var feedTime: UTCNanos? { collectors.compactMap(\.feedTime).max() }

        func freshness(_ line: SeriesStatistics) -> Freshness {
            Freshness(
                newest: line.newest, line.series.timeframe, now: marketNow.seconds, hours: calendar[line.series.pair])
        }
    }

    /// What was seen of one collector.
    package struct CollectorObservation: Sendable {
        package let collector: Collector
        /// Its daemons.
        package let stages: [StatusListener.Heard]
        package let continuity: Continuity
        package let quota: QuotaLedger.Estimate
        package let purchases: QuotaLedger.Purchases
        /// Those that are configured; without a file those that it streamed.
        package let pairs: [Pair]
        package let hasFile: Bool
        /// Of the systemd units of its stages; `nil`: the units without one.
        package let instance: String?
        package let assumptions: AssumptionTally
        /// Why store-writer cannot take its candles; `nil` if it can.
        package fileprivate(set) var unstored: String?
        /// What waits for the archiver; `nil` if nothing does.
        package fileprivate(set) var backlog: Archiver.Backlog?
        private let calendar: TradingCalendar
        private let now: UTCNanos

        fileprivate init(
            _ collector: Collector, _ collectors: Collectors, _ stages: [StatusListener.Heard],
            _ stored: StoreSnapshot, now: UTCNanos, assumptions: AssumptionTally
        ) {
            (self.collector, self.stages, self.now) = (collector, stages, now)
            calendar = collectors.calendar
            let (configuration, facts) = (collectors.configuration(of: collector), stored.collectors[collector])
            continuity = facts?.continuity ?? Continuity()
            quota = facts?.quota ?? QuotaLedger(weeklyPoints: 0).estimate(now: now.seconds)
            purchases = facts?.purchases ?? QuotaLedger.Purchases()
            pairs = configuration?.instruments.map(\.pair) ?? facts?.pairs ?? []
            hasFile = configuration != nil
            instance = collectors.instance(of: collector)
            self.assumptions = assumptions
        }

        /// What a stage said last; `nil` if it is not listened to.
        package func heard(_ stage: Stage) -> StatusListener.Heard? { stages.first { $0.stage == stage } }

        /// What ingest-stream says; `nil` if it says nothing.
        package var ingest: StageStatus? { heard(.ingestStream)?.status }

        /// The market's time that ingest-stream reported, and when.
        private var toldTime: (time: Int64, received: UTCNanos)? {
            guard let heard = heard(.ingestStream), let received = heard.receivedAt,
                let told = heard.status?.metrics.nanos(.marketTime)
            else { return nil }
            return (told, received)
        }

        package var knowsMarketTime: Bool { toldTime != nil }

        /// The market's time: as ingest-stream reported it, and the time passed since; without that, the host's.
        package var marketNow: UTCNanos {
            guard let (told, received) = toldTime else { return now }
            return UTCNanos(rawValue: told + max(0, now.rawValue - received.rawValue))
        }

        /// The session of a pair that is open; `nil` while its market is closed.
        package func session(_ pair: Pair) -> Range<UTCSeconds>? {
            let session = calendar[pair].opened(by: marketNow.seconds)
            return session.contains(marketNow.seconds) ? session : nil
        }

        /// Whether any of its instruments is traded.
        package var isOpen: Bool { pairs.contains { session($0) != nil } }

        /// The newest time that the feed has reported; `nil` if no stage knows one.
        package var feedTime: UTCNanos? {
            [Stage.ingestStream, .aggregator].lazy
                .compactMap { heard($0)?.status?.metrics.nanos(.feedTime) }
                .first { $0 > 0 }.map { UTCNanos(rawValue: $0) }
        }
    }
}
