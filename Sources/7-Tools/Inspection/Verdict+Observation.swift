internal import Store
internal import Assumptions
internal import MarketData
internal import Settings
internal import Streams
internal import Wire

extension Verdict {
    /// What was seen of the pipeline.
    struct Observation {
        var stages: [StatusListener.Heard]
        var stored: StoreSnapshot
        /// Those that are configured.
        var pairs: [Pair]
        var timeframes: [Timeframe]
        var calendar: TradingCalendar
        /// The host's clock.
        var now: UTCNanos
        /// Bytes free on the state folder's disk; `nil` if that is not known.
        var free: Int64?
        /// How often each assumption about the broker held and failed.
        var assumptions: AssumptionTally

        init(
            stages: [StatusListener.Heard], stored: StoreSnapshot, configuration: Configuration, now: UTCNanos,
            free: Int64?,
            assumptions: AssumptionTally
        ) {
            (self.stages, self.stored, self.now, self.free, self.assumptions) = (stages, stored, now, free, assumptions)
            pairs = configuration.instruments.map(\.pair)
            timeframes = configuration.timeframes
            calendar = configuration.calendar
        }

        /// What a stage said last; `nil` if it is not listened to.
        func heard(_ stage: Stage) -> StatusListener.Heard? { stages.first { $0.stage == stage } }

        /// What ingest-stream says; `nil` if it says nothing.
        var ingest: StageStatus? { heard(.ingestStream)?.status }

        /// What store-writer measured of the last hour.
        var delay: DelayReport { DelayReport(heard(.storeWriter)?.status) }

        /// The market's time: as ingest-stream reported it, and the time passed since; without that, the host's.
        var marketNow: UTCNanos {
            let heard = heard(.ingestStream)
            guard let told = heard?.status?.metrics.nanos(.marketTime), let received = heard?.receivedAt else {
                return now
            }
            return UTCNanos(rawValue: told + max(0, now.rawValue - received.rawValue))
        }

        /// The session of a pair that is open; `nil` while its market is closed.
        func session(_ pair: Pair) -> Range<UTCSeconds>? {
            let session = calendar[pair].opened(by: marketNow.seconds)
            return session.contains(marketNow.seconds) ? session : nil
        }

        /// The newest time that the feed has reported; `nil` if no stage knows one.
        var feedTime: UTCNanos? {
            [Stage.ingestStream, .aggregator].lazy
                .compactMap { heard($0)?.status?.metrics.nanos(.feedTime) }
                .first { $0 > 0 }.map { UTCNanos(rawValue: $0) }
        }

        func freshness(_ line: SeriesStatistics) -> Freshness {
            Freshness(
                newest: line.newest, line.series.timeframe, now: marketNow.seconds, hours: calendar[line.series.pair])
        }
    }
}
