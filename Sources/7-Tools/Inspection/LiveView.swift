internal import Store
public import Reports
internal import CandleReader
internal import Engines
public import Host
internal import MarketData
internal import Settings
internal import Streams
internal import Wire

/// Shows the pipeline live on standard output, once a second.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class LiveView {
    public enum Style: Hashable, Sendable {
        /// One line a second.
        case lines
        /// A table on the terminal's other screen, redrawn in place.
        case screen(TextStyle)
        /// The output of `status --json`, a line a second.
        case json
    }

    private let listener: StatusListener
    /// Only if quotes are shown.
    private let forming: FormingCandles?
    private let database: DatabaseGlance
    private let paths: Paths
    private let environment: Environment
    private var collectors: Collectors
    private let clock: Clock
    private let style: Style

    /// - Parameter environment: names the collectors' files.
    /// - Throws: as `Collectors.init` and `StatusListener.init`.
    public init(paths: Paths, environment: Environment, clock: Clock, style: Style) throws {
        collectors = try Collectors(environment: environment, paths: paths)
        listener = try StatusListener(paths: paths, collectors: collectors.all, clock: clock)
        forming = style.isScreen ? try FormingCandles(paths: paths) : nil
        database = DatabaseGlance(paths: paths, clock: clock)
        (self.paths, self.environment, self.clock, self.style) = (paths, environment, clock, style)
    }

    /// Shows until a request to stop, the end of the time, or the end of the reader.
    public func run(until stop: StopSignal, seconds: Int64?) throws {
        let end = seconds.map { clock.monotonic() + $0 * UTCNanos.perSecond } ?? .max
        // Other screen, cursor hidden, no line wrap; and back.
        if style.isScreen { Program.write(standardOutput: "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l") }
        defer { if style.isScreen { Program.write(standardOutput: "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l") } }
        // The first frame waits for the stages' first word: they speak once a second.
        var next = min(clock.monotonic() + UTCNanos.perSecond * 5 / 4, end)
        while !stop.isRaised {
            let now = clock.monotonic()
            if now >= next {
                guard try show(), now < end else { return }
                next = min(max(next, now) + UTCNanos.perSecond, end)
            }
            let wait = (next - clock.monotonic() + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond
            listener.listen(milliseconds: Int(max(0, wait)), stop: stop.descriptor)
        }
    }

    /// A collector that began to run meanwhile is shown too; while a file is being changed, the former ones are.
    private func lookForCollectors() throws {
        guard let now = try? Collectors(environment: environment, paths: paths), now.all != collectors.all else {
            return
        }
        collectors = now
        try listener.listen(to: now.all)
    }

    /// - Returns: false if nobody reads it.
    private func show() throws -> Bool {
        try lookForCollectors()
        let seen = Verdict.Observation(
            stages: listener.heard, stored: database.latest(collectors), collectors: collectors, now: clock.now(),
            free: DiskUsage.free(at: paths.state), assumptions: paths.assumptions(of: collectors))
        switch style {
        case .json:
            let own = paths.of(collectors.own.collector)
            return Program.write(standardOutput: StatusReport(seen, paths: own).json)
        case .lines: return Program.write(standardOutput: LiveFrame(seen).line + "\n")
        case .screen(let style):
            guard let size = Terminal.size else { return false }
            forming?.take()
            // Without an aggregator they would stay as they are.
            let isAggregating = seen.collectors.contains { $0.heard(.aggregator)?.status != nil }
            let quotes = isAggregating ? forming?.quotes ?? [:] : [:]
            let lines = LiveFrame(seen, quotes: quotes).screen(size).map {
                style.painted($0.text, $0.tone) + "\u{1B}[K"
            }
            return Program.write(standardOutput: "\u{1B}[H" + lines.joined(separator: "\r\n") + "\u{1B}[J")
        }
    }
}

extension LiveView.Style {
    fileprivate var isScreen: Bool {
        if case .screen = self { true } else { false }
    }
}

/// The content of the database, read again as often as its size allows.
private final class DatabaseGlance {
    private let paths: Paths
    private let clock: Clock
    private var reader: (any CandleQueries)?
    private var last: StoreSnapshot?
    private var nextRead = Int64.min

    init(paths: Paths, clock: Clock) { (self.paths, self.clock) = (paths, clock) }

    /// The content of the database; the former content, or nothing, while it cannot be read.
    func latest(_ collectors: Collectors) -> StoreSnapshot {
        let began = clock.monotonic()
        let former = last ?? StoreSnapshot(collectors, now: clock.now().seconds)
        guard began >= nextRead else { return former }
        do {
            let reader = try self.reader ?? storeEngine.openReader(paths)
            self.reader = reader
            last = try StoreSnapshot(reader, collectors, now: clock.now().seconds)
        } catch {
            reader = nil
            var known = former
            // If it is not there yet, the view says "no candles yet", and asks again.
            known.failure = (error as? Failure)?.code == .unavailable ? nil : "\(error)"
            last = known
        }
        let end = clock.monotonic()
        // Reading takes longer as the database grows: at most a twentieth of the time goes there.
        nextRead = end + (end - began) * 20
        return last ?? former
    }
}

@available(*, unavailable)
extension LiveView: Sendable {}
