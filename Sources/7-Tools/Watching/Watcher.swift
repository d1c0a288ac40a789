package import Host
internal import Inspection
package import Logging
internal import MarketData
internal import Reports
package import Settings

/// Looks at the verdict every few seconds and tells of what changes. Sending is the couriers' work: a receiver that hangs
/// delays no look.
///
/// - Note: One thread only.
package final class Watcher {
    private let observer: PipelineObserver
    private let settings: Configuration.Watch
    private let file: WatchMemoryFile
    private let lock: FileLock?
    private let service: ServiceNotifier
    private let clock: Clock
    private let logger: Logger
    private let couriers: [Courier]
    private let pinger: Courier?
    private let rules: ChangeDetector.Rules
    private var changes: ChangeDetector
    private var saved: WatchMemory
    private var nextPing = Int64.min

    /// A stage that runs has spoken by then.
    private static let firstLook: Duration = .seconds(4)
    private static let stopMilliseconds: Int32 = 2_000

    /// - Throws: `Failure`: 78 if no way is configured, 75 if another process watches; as `PipelineObserver.init`.
    package init(_ setup: StageSetup, clock: Clock, logger: Logger) throws {
        settings = setup.configuration.watch
        let ways = try Ways(settings, environment: setup.environment)
        if ways.isEmpty { throw Ways.missing }
        (service, self.clock, self.logger) = (setup.service, clock, logger)
        file = WatchMemoryFile(setup.paths)
        lock = try file.lock()
        saved = file.read()
        rules = ChangeDetector.Rules(settings)
        changes = ChangeDetector(rules, host: Notice.hostName, memory: saved.changes)
        couriers = ways.all.map { Courier($0, pauses: .init(), clock: clock, logger: logger) }
        pinger = ways.ping.map { Courier($0, pauses: nil, clock: clock, logger: logger) }
        observer = try PipelineObserver(paths: setup.paths, environment: setup.environment, clock: clock)
        if lock == nil { logger.warning("Nothing can be remembered over a restart", metadata: ["folder": "watch"]) }
    }

    /// Until a stop is asked for.
    package func run(until stop: StopSignal) throws {
        for courier in couriers {
            try courier.start()
            if let left = saved.pending[courier.way.name] { courier.post(left) }
        }
        try pinger?.start()
        service.ready()
        // Also if a look fails: what has not gone out yet is kept for the next start.
        defer { end() }
        var next = clock.monotonic() + Self.firstLook.nanoseconds
        while !stop.isRaised {
            let left = max(0, next - clock.monotonic()) / UTCNanos.perMillisecond + 1
            observer.listen(milliseconds: Int(left), stop: stop.descriptor)
            service.progressed()
            guard case let now = clock.monotonic(), now >= next else { continue }
            try look()
            next = now + Duration.seconds(settings.everySeconds).nanoseconds
        }
    }

    private func look() throws {
        let verdict = try observer.observe().verdict
        let isWell = !verdict.findings.contains(where: rules.counts)
        if let notice = changes.look(at: verdict.findings, now: clock.now(), monotonic: clock.monotonic()) {
            logger.notice("Message made", metadata: ["title": "\(notice.title)"])
            for courier in couriers { courier.post(notice) }
        }
        service.status(isWell ? "all is well" : verdict.line)
        ping(isWell)
        save()
    }

    /// The receiver's alarm is that no ping comes: so none may be late either.
    private func ping(_ isWell: Bool) {
        guard let pinger else { return }
        guard isWell else { return pinger.withdraw() }
        guard case let now = clock.monotonic(), now >= nextPing else { return }
        nextPing = now + Duration.seconds(settings.pingSeconds).nanoseconds
        pinger.post(Notice(time: clock.now().seconds.rawValue, host: Notice.hostName, note: "all is well"))
    }

    private func save() {
        var memory = WatchMemory()
        memory.changes = changes.memory
        for courier in couriers { memory.pending[courier.way.name] = courier.pending }
        guard memory != saved else { return }
        do {
            try file.write(memory)
            saved = memory
        } catch {
            // The next look tries again.
            logger.warning("Memory not written", metadata: ["error": "\(error)"])
        }
    }

    private func end() {
        service.stopping()
        let all = couriers + (pinger.map { [$0] } ?? [])
        for courier in all { courier.stop() }
        for courier in all { courier.waitForEnd(milliseconds: Self.stopMilliseconds) }
        save()
    }
}

@available(*, unavailable)
extension Watcher: Sendable {}
