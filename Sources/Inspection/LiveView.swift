public import Host
internal import MarketData
internal import Store

/// Shows the pipeline live on standard output, once a second.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class LiveView {
    public enum Style: Hashable, Sendable {
        /// One line a second.
        case lines
        /// A table on the terminal's other screen, redrawn in place.
        case screen(colours: Bool)
    }

    private let listener: StageListener
    private let candles: CandleGlance
    private let clock: Clock
    private let style: Style

    /// - Throws: as `StageListener.init`.
    public init(paths: Paths, clock: Clock, style: Style) throws {
        listener = try StageListener(paths: paths, clock: clock)
        candles = CandleGlance(path: paths.database, clock: clock)
        self.clock = clock
        self.style = style
    }

    /// Shows until a stop is asked for, the time is over, or nobody reads any more.
    public func run(until stop: StopSignal, seconds: Int64?) throws {
        let end = seconds.map { clock.monotonic() + $0 * UTCNanos.perSecond } ?? .max
        // Other screen, cursor hidden, no line wrap; and back.
        if style != .lines { Stage.write(standardOutput: "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l") }
        defer { if style != .lines { Stage.write(standardOutput: "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l") } }
        // The first frame waits for the stages' first word, as later ones do.
        var next = min(clock.monotonic() + UTCNanos.perSecond, end)
        while !stop.isRaised {
            let now = clock.monotonic()
            if now >= next {
                guard show(), now < end else { return }
                next = min(max(next, now) + UTCNanos.perSecond, end)
            }
            let wait = (next - clock.monotonic() + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond
            listener.listen(milliseconds: Int(max(0, wait)), stop: stop.descriptor)
        }
    }

    private func show() -> Bool {
        let frame = LiveFrame(now: clock.now(), stages: listener.statuses, freshness: candles.latest())
        switch style {
        case .lines: return Stage.write(standardOutput: frame.line + "\n")
        case .screen(let colours):
            guard let size = Terminal.size else { return false }
            let lines = frame.screen(size).map { painted($0, colours) + "\u{1B}[K" }
            return Stage.write(standardOutput: "\u{1B}[H" + lines.joined(separator: "\r\n") + "\u{1B}[J")
        }
    }

    private func painted(_ line: LiveFrame.Line, _ colours: Bool) -> String {
        guard colours else { return line.text }
        return switch line.tone {
        case .plain: line.text
        case .heading: "\u{1B}[1m\(line.text)\u{1B}[0m"
        case .bad: "\u{1B}[31m\(line.text)\u{1B}[0m"
        }
    }
}

/// The newest candles, read anew as often as the database's size allows.
private final class CandleGlance {
    private let path: String
    private let clock: Clock
    private var reader: CandleReader?
    private var last: [CandleReader.Freshness] = []
    private var nextRead = Int64.min

    init(path: String, clock: Clock) {
        self.path = path
        self.clock = clock
    }

    /// What the database holds; what it held before, or nothing, while it cannot be read.
    func latest() -> [CandleReader.Freshness] {
        let began = clock.monotonic()
        guard began >= nextRead else { return last }
        do {
            let reader = try self.reader ?? CandleReader(path: path)
            self.reader = reader
            last = try reader.freshness()
        } catch {
            // Not there yet, or just being made: the view says "no candles yet", and asks again.
            reader = nil
        }
        let end = clock.monotonic()
        // Reading takes longer as the database grows: at most a twentieth of the time goes there.
        nextRead = end + (end - began) * 20
        return last
    }
}

@available(*, unavailable)
extension LiveView: Sendable {}
