public import Reports
internal import CandleReader
internal import MarketData
internal import Streams
internal import Wire
public import Host

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

    private let observer: PipelineObserver
    /// Only if quotes are shown.
    private let forming: FormingCandles?
    private let clock: Clock
    private let style: Style
    /// In the last picture.
    private var isAnyRunning = false
    /// The last line of the screen, if there is one.
    public var footer: String?

    /// - Parameter environment: names the collectors' files.
    /// - Throws: as `PipelineObserver.init`.
    public init(paths: Paths, environment: Environment, clock: Clock, style: Style) throws {
        observer = try PipelineObserver(paths: paths, environment: environment, clock: clock)
        forming = style.isScreen ? try FormingCandles(paths: paths) : nil
        (self.clock, self.style) = (clock, style)
    }

    /// Shows until a request to stop, the key `q`, the end of the time, or the end of the reader.
    /// - Returns: false if at the end of the time no stage ran.
    @discardableResult
    public func run(until stop: StopSignal, seconds: Int64?) throws -> Bool {
        let end = seconds.map { clock.monotonic() + $0 * UTCNanos.perSecond } ?? .max
        let screen = style.isScreen ? try Screen(until: stop) : nil
        defer { screen?.end() }
        // The first frame waits for the stages' first word: they speak once a second.
        var next = min(clock.monotonic() + UTCNanos.perSecond * 5 / 4, end)
        while !stop.isRaised {
            let now = clock.monotonic()
            if now >= next {
                guard try show() else { return true }
                guard now < end else { return isAnyRunning }
                next = min(max(next, now) + UTCNanos.perSecond, end)
            }
            let wait = (next - clock.monotonic() + UTCNanos.perMillisecond - 1) / UTCNanos.perMillisecond
            observer.listen(milliseconds: Int(max(0, wait)), stop: screen?.descriptor ?? stop.descriptor)
            if screen?.isQuitPressed == true { return true }
        }
        return true
    }

    /// - Returns: false if nobody reads it.
    private func show() throws -> Bool {
        let view = try observer.observe()
        let seen = view.seen
        isAnyRunning = seen.stages.contains { $0.status != nil }
        switch style {
        case .json: return Program.write(standardOutput: view.status.json)
        case .lines: return Program.write(standardOutput: LiveFrame(seen).line + "\n")
        case .screen(let style):
            guard var size = Terminal.size else { return false }
            if footer != nil { size.rows -= 1 }
            forming?.take()
            // Without an aggregator they would stay as they are.
            let isAggregating = seen.collectors.contains { $0.heard(.aggregator)?.status != nil }
            let quotes = isAggregating ? forming?.quotes ?? [:] : [:]
            let frame = LiveFrame(seen, quotes: quotes).screen(size)
            let last = footer.map { [LiveFrame.Line(text: String($0.prefix(size.columns)))] } ?? []
            let lines = (frame + last).map { style.painted($0.text, $0.tone) + "\u{1B}[K" }
            return Program.write(standardOutput: "\u{1B}[H" + lines.joined(separator: "\r\n") + "\u{1B}[J")
        }
    }
}

extension LiveView.Style {
    fileprivate var isScreen: Bool {
        if case .screen = self { true } else { false }
    }
}

@available(*, unavailable)
extension LiveView: Sendable {}
