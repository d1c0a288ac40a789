internal import Engines
internal import FoundationEssentials
public import Host
public import Logging
internal import MarketData
public import Settings
internal import Store
public import Streams
internal import Wire

/// Makes the past of timeframes: out of the ticks, where archive or journal has them, before that out of complete smaller
/// candles, and hands the candles to store-writer by the `refold` stream.
///
/// The fold reaches to the journal's end at its start, so that of a running aggregator nothing is left between: it emits
/// whatever closes after its own start. Candles that both make are equal, and the store keeps one.
/// Source: docs/decisions/0042.
///
/// - Note: One thread only.
public final class Refolding {
    private let paths: Paths
    private let configuration: Configuration
    /// `nil`: the defaults.
    private let configurationFile: String?
    private let bus: any Bus
    private let stop: StopSignal
    private let clock: Clock
    private let logger: Logger

    /// - Parameter file: that of the configuration; `nil`: the defaults.
    public init(
        paths: Paths, configuration: Configuration, file: String?, bus: any Bus, stop: StopSignal, clock: Clock,
        logger: Logger
    ) {
        (self.paths, self.configuration, configurationFile, self.bus) = (paths, configuration, file, bus)
        (self.stop, self.clock, self.logger) = (stop, clock, logger)
    }

    /// The past of the timeframes of the configuration that are new.
    /// - Returns: `nil` if none is.
    /// - Throws: `Failure` (75) while an aggregator runs that does not fold them yet; as `run`.
    public func newTask() throws -> RefoldTask? {
        try expectOwnFolder()
        let known = try KnownTimeframes(paths, configuration, openReader)
        try known.write()
        let new = known.new
        guard !new.isEmpty else { return nil }
        try KnownTimeframes.expectPresentAggregator(paths, configuration: configurationFile)
        return RefoldTask(timeframes: new)
    }

    /// Makes what a task wants. Ended at any moment and run again, it comes to the same candles.
    /// - Parameter show: called several times a second.
    /// - Throws: `Failure` (75) if another process refolds, or a stop was asked for, (77) as another user; `JournalError`,
    ///   `StoreError`, `BusError`.
    public func run(_ task: RefoldTask, _ show: (RefoldProgress) -> Void) throws -> RefoldSummary {
        try expectOwnFolder()
        try paths.prepare()
        let known = try KnownTimeframes(paths, configuration, openReader)
        try known.write()
        // It may bring years at once, and grow faster than it is stored: then it is dropped by age alone.
        var settings = configuration.journal
        (settings.segmentsEndDaily, settings.retentionMegabytes) = (false, 0)
        let writer = try StreamWriter(
            stream: .refold, paths: paths, settings: settings, bus: bus, logger: logger,
            heldFor: .storeWriter)
        var work = try RefoldRun(bounded(task), paths, configuration, writer, clock: clock, stop: stop)
        let summary = try work.run(try openReader(), show)
        try writer.commit(durably: true)
        try writer.close()
        if task.isWhole, try isFoldedOn(task.timeframes) { try note(task, in: known, lack: work.lack) }
        logger.notice(
            "Refolded",
            metadata: [
                "timeframes": "\(task.timeframes)", "candles": "\(summary.streamed)", "derived": "\(summary.derived)",
            ])
        return summary
    }

    /// Waits until the database has all candles, as long as it makes progress.
    /// - Returns: false if store-writer does not run, or a stop was asked for.
    public func waitUntilStored(_ summary: RefoldSummary, _ show: (RefoldProgress) -> Void) -> Bool {
        var (last, patience) = (UInt64(0), 0)
        while patience < 100 {
            // Not there yet: as good as not stored.
            let position = (try? openReader()?.position(of: .refold, collector: paths.collector)) ?? 0
            if position >= summary.lastPosition { return true }
            patience = position > last ? 0 : patience + 1
            last = max(last, position)
            show(.storing(left: summary.lastPosition - position, candles: summary.streamed + summary.derived))
            if stop.wait(milliseconds: 100) { return false }
        }
        return false
    }

    /// A state folder that is missing will be this user's.
    private func expectOwnFolder() throws {
        if FileManager.default.fileExists(atPath: paths.state) { try expectOwner(of: paths.state, "refold") }
    }

    /// - Parameter lack: why the past may not be whole; `nil`: it is.
    private func note(_ task: RefoldTask, in known: KnownTimeframes, lack: String?) throws {
        guard !Set(known.new).isDisjoint(with: task.timeframes) else { return }
        if let lack {
            logger.warning(
                "The timeframes stay new: \(lack); 'candlewick refold --new' makes their past again",
                metadata: ["timeframes": "\(task.timeframes)"])
        } else {
            var known = known
            try known.add(task.timeframes)
        }
    }

    /// None older than the store keeps.
    private func bounded(_ task: RefoldTask) throws -> RefoldTask {
        let days = configuration.store.retentionDays
        guard days > 0 else { return task }
        let oldest = try FeedClock(paths: paths, now: clock.now()).now - .seconds(days * 86_400)
        return RefoldTask(timeframes: task.timeframes, pairs: task.pairs, since: max(oldest, task.since ?? .min))
    }

    /// Whether the aggregator goes on with these timeframes where the fold ended.
    private func isFoldedOn(_ timeframes: [Timeframe]) throws -> Bool {
        guard Set(timeframes).isSubset(of: configuration.timeframes) else { return false }
        do {
            try KnownTimeframes.expectPresentAggregator(paths, configuration: configurationFile)
            return true
        } catch let failure as Failure where failure.code == .temporary {
            return false
        }
    }

    /// - Returns: `nil` if there is no database yet.
    /// - Throws: `Failure` (75) if its server does not answer: what it holds is not known.
    private func openReader() throws -> (any CandleQueries)? {
        do {
            let reader = try storeEngine.openReader(paths)
            try reader.checkSchema()
            return reader
        } catch let failure as Failure where failure.code == .unavailable {
            guard paths.isDatabaseServed else { return nil }
            throw Failure(.temporary, failure.description)
        }
    }
}

@available(*, unavailable)
extension Refolding: Sendable {}
