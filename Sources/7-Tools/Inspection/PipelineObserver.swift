internal import Archive
internal import Engines
package import Host
internal import MarketData
package import Settings
internal import Store
internal import Streams
internal import Wire

/// Looks at the running pipeline again and again: listens to the stages, and reads database and archive as often as their
/// size allows.
///
/// - Note: One thread only.
package final class PipelineObserver {
    private let listener: StatusListener
    private let records: RecordsGlance
    private let paths: Paths
    private let environment: Environment
    private var collectors: Collectors
    private let clock: Clock

    /// - Parameter environment: names the collectors' files.
    /// - Throws: as `Collectors.init` and `StatusListener.init`.
    package init(paths: Paths, environment: Environment, clock: Clock) throws {
        collectors = try Collectors(environment: environment, paths: paths)
        listener = try StatusListener(paths: paths, collectors: collectors.all, clock: clock)
        records = RecordsGlance(paths: paths, clock: clock)
        (self.paths, self.environment, self.clock) = (paths, environment, clock)
    }

    /// Waits until a stage speaks, `stop` becomes readable or the time is over, and takes what came.
    package func listen(milliseconds: Int, stop: Int32) { listener.listen(milliseconds: milliseconds, stop: stop) }

    /// The pipeline as it is now.
    /// - Throws: as `StatusListener.listen(to:)`.
    package func observe() throws -> PipelineView {
        try lookForCollectors()
        // Before the look at the database: while that lasts, no status is taken, and every stage would seem silent.
        let stages = listener.heard
        let known = records.latest(collectors)
        let seen = Verdict.Observation(
            stages: stages, stored: known.stored, collectors: collectors, now: clock.now(),
            free: paths.free, assumptions: paths.assumptions(of: collectors),
            backlogs: known.backlogs)
        return PipelineView(seen, collectors, paths: paths.of(collectors.own.collector))
    }

    /// A collector that began to run meanwhile is seen too; while a file is being changed, the former ones are.
    private func lookForCollectors() throws {
        guard let now = try? Collectors(environment: environment, paths: paths), now.all != collectors.all else {
            return
        }
        collectors = now
        try listener.listen(to: now.all)
    }
}

/// The pipeline at one moment, and the verdict on it.
package struct PipelineView: Sendable {
    package let seen: Verdict.Observation
    package let verdict: Verdict
    package let collectors: Collectors
    private let paths: Paths

    /// - Parameter paths: of the own collector.
    init(_ seen: Verdict.Observation, _ collectors: Collectors, paths: Paths) {
        (self.seen, self.collectors, self.paths) = (seen, collectors, paths)
        verdict = Verdict(seen)
    }

    /// What `candlewick status` shows.
    package var status: StatusReport { StatusReport(seen, paths: paths) }
}

/// What database and archive hold, read again as often as their size allows.
final class RecordsGlance {
    /// What was seen of them at one moment.
    struct Records {
        var stored: StoreSnapshot
        var backlogs: [Collector: Archiver.Backlog]
    }

    private let paths: Paths
    private let clock: Clock
    private let glance = Glance<Records>()
    private var reader: (any CandleQueries)?
    private var last: StoreSnapshot?

    init(paths: Paths, clock: Clock) { (self.paths, self.clock) = (paths, clock) }

    /// What they hold; what they held before, or nothing, while the database cannot be read.
    func latest(_ collectors: Collectors) -> Records {
        glance.value(clock) {
            let stored = stored(collectors)
            last = stored
            return Records(stored: stored, backlogs: paths.backlogs(of: collectors))
        }
    }

    private func stored(_ collectors: Collectors) -> StoreSnapshot {
        do {
            let reader = try self.reader ?? storeEngine.openReader(paths)
            self.reader = reader
            return try StoreSnapshot(reader, collectors, now: clock.now().seconds)
        } catch {
            reader = nil
            var known = last ?? StoreSnapshot(collectors, now: clock.now().seconds)
            // If it is not there yet, the view says "no candles yet", and asks again.
            known.failure = (error as? Failure)?.code == .unavailable ? nil : "\(error)"
            return known
        }
    }
}

@available(*, unavailable)
extension PipelineObserver: Sendable {}
