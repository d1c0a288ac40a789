internal import Host
internal import Logging
internal import MarketData
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// The inputs of all collectors of a machine. One whose journal cannot be read stops no other: it is tried again, and only
/// when none can be read the stage ends.
///
/// - Note: Data thread only.
final class CollectorInputs {
    /// A collector that cannot be read now, or that has brought nothing since it could not.
    private struct Failed {
        let error: any Error
        /// Monotonic time of the next attempt, and the pause after it, ns.
        let nextAttempt: Int64
        let pause: Int64
        let committed: UInt64
        /// The log has this reason.
        var isLogged: Bool
        /// It is one of `readable` again.
        var isTriedAgain = false
    }

    /// By name.
    private(set) var readable: [CollectorInput] = []
    private var failed: [Collector: Failed] = [:]
    /// Monotonic time at which new collectors are looked for.
    private var nextLook: Int64 = .min

    private let paths: Paths
    private let store: any CandleWriter
    private let settings: Configuration.Store
    private let bus: any Bus
    private let clock: Clock
    private let logger: Logger

    private static let pauseMax = 60 * UTCNanos.perSecond

    /// - Throws: what keeps the only one from being read; `StoreError`.
    init(
        _ paths: Paths, store: any CandleWriter, settings: Configuration.Store, bus: any Bus, clock: Clock,
        logger: Logger
    ) throws {
        (self.paths, self.store, self.settings, self.bus) = (paths, store, settings, bus)
        (self.clock, self.logger) = (clock, logger)
        try look()
    }

    /// Once a second, takes in the collectors that are new, and tries those again that failed.
    /// - Throws: the reason of the first by name, if none can be read; `StoreError`.
    func look() throws {
        let now = clock.monotonic()
        guard now >= nextLook else { return }
        nextLook = now + UTCNanos.perSecond
        let present = paths.collectors
        // It only stood in until another one has a journal, or its folder was moved away.
        readable.removeAll { !present.contains($0.collector) && $0.batch.records.isEmpty }
        failed = failed.filter { present.contains($0.key) }
        for collector in present where !readable.contains(where: { $0.collector == collector }) {
            if let former = failed[collector], now < former.nextAttempt { continue }
            try open(collector)
        }
        try expectReadable()
    }

    /// - Throws: `StoreError`.
    private func open(_ collector: Collector) throws {
        var committed: [Wire.Stream: UInt64] = [:]
        do {
            let own = paths.of(collector)
            try store.claim(collector, origin: own.origin())
            for stream in [.candles] + UnhurriedInput.streams {
                committed[stream] = try store.position(of: stream, collector: collector)
            }
            let input = try CollectorInput(
                own, committed: committed, settings: settings, bus: bus, clock: clock, logger: logger)
            readable.append(input)
            readable.sort { $0.collector < $1.collector }
            failed[collector]?.isTriedAgain = true
            logger.notice(
                "Collector is read", metadata: ["collector": "\(collector)", "position": "\(input.committed)"])
        } catch let error as StoreError {
            throw error
        } catch {
            note(error, collector, committed: committed[.candles] ?? 0)
        }
    }

    /// Gives up an input until the next attempt; what it had not committed is read again then.
    /// - Throws: the reason, if no other can be read.
    func fail(_ input: CollectorInput, _ error: any Error) throws {
        readable.removeAll { $0 === input }
        note(error, input.collector, committed: input.committed)
        try expectReadable()
    }

    /// A collector's batch is in the database: what failed before is over.
    func noteCommit(_ collector: Collector) { failed[collector] = nil }

    private func note(_ error: any Error, _ collector: Collector, committed: UInt64) {
        let former = failed[collector]
        let pause = former?.pause ?? UTCNanos.perSecond
        failed[collector] = Failed(
            error: error, nextAttempt: clock.monotonic() + pause, pause: min(2 * pause, CollectorInputs.pauseMax),
            committed: committed, isLogged: former.map { $0.isLogged && "\($0.error)" == "\(error)" } ?? false)
    }

    private func expectReadable() throws {
        if readable.isEmpty, let first = lacking.first { throw first.value.error }
        for (collector, failure) in lacking where !failure.isLogged {
            logger.error(
                "Collector cannot be read, trying again; the others go on",
                metadata: ["collector": "\(collector)", "error": "\(failure.error)"])
            failed[collector]?.isLogged = true
        }
    }

    /// Those that cannot be read now, by name.
    private var lacking: [(key: Collector, value: Failed)] {
        failed.filter { !$0.value.isTriedAgain }.sorted { $0.key < $1.key }
    }

    // MARK: Status

    /// Live candles wait for their commit.
    var liveWaits: Bool { readable.contains { !$0.batch.records.isEmpty } }

    /// A stream that may wait has more to take.
    var hasMore: Bool { readable.contains { $0.unhurried.contains(where: \.hasMore) } }

    /// Every collector can be read, and is read to its journal's end.
    var isLive: Bool { readable.allSatisfy(\.isLive) && lacking.isEmpty }

    /// `live`, `catching up`, or that some cannot be read.
    var state: String {
        if !lacking.isEmpty { return "collector lacking" }
        return isLive ? "live" : "catching up"
    }

    var progress: [StageStatus.Input] {
        let broken = lacking.map { collector, failure in
            StageStatus.Input(
                .candles, of: collector, position: failure.committed, isLive: false, failure: "\(failure.error)")
        }
        return readable.flatMap(\.progress) + broken
    }

    /// What each collector has in the database.
    var stored: [StageStatus.Output] {
        readable.map { StageStatus.Output(.stored, of: $0.collector, position: $0.committed) }
    }

    func report(into metrics: inout MetricValues) {
        for input in readable { input.report(into: &metrics) }
    }
}

@available(*, unavailable)
extension CollectorInputs: Sendable {}
