internal import Host
internal import Inspection
internal import MarketData
internal import Streams

/// Looks at the pipeline once a second, for all answers, and every two seconds for the clients of its state.
///
/// - Note: One thread only.
final class PipelineWatch {
    private let observer: PipelineObserver
    private let latest: Latest<PipelineView>
    private let hub: LiveHub
    private let clock: Clock

    private var nextState = Int64.min

    private static let period = UTCNanos.perSecond
    /// The looks are never quite a second apart.
    private static let statePeriod = period * 3 / 2

    /// - Throws: as `PipelineObserver.init`.
    init(_ facts: SiteFacts, latest: Latest<PipelineView>) throws {
        observer = try PipelineObserver(paths: facts.paths, environment: facts.environment, clock: facts.clock)
        (self.latest, hub, clock) = (latest, facts.live, facts.clock)
    }

    /// Looks until `stop` becomes readable.
    /// - Throws: as `PipelineObserver.observe`.
    func run(until stop: Int32) throws {
        // The stages speak once a second: the first look comes when all had their say.
        var next = clock.monotonic() + PipelineWatch.period * 5 / 4
        while !Subscriber.wait(for: [], milliseconds: 0, stop: stop) {
            let now = clock.monotonic()
            if now >= next {
                try look(at: now)
                next = max(next + PipelineWatch.period, now)
            }
            let left = (next - clock.monotonic() + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond
            observer.listen(milliseconds: Int(max(0, left)), stop: stop)
        }
    }

    private func look(at now: Int64) throws {
        let view = try observer.observe()
        latest.value = view
        // The text takes a walk through the journals' folders.
        guard now >= nextState, hub.hasClient(of: .state) else { return }
        nextState = now + PipelineWatch.statePeriod
        hub.publish(.state(view.status.json))
    }
}

@available(*, unavailable)
extension PipelineWatch: Sendable {}
