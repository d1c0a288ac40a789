public import Host
internal import MarketData
internal import Reports

/// The operator of a long verification: sees how far it is, and may stop it.
public struct VerificationWatch {
    let stop: StopSignal
    private let line: ProgressLine?

    /// - Parameter isShown: on a line of standard error.
    public init(stop: StopSignal, isShown: Bool) {
        self.stop = stop
        line = isShown ? ProgressLine(clock: .system) : nil
    }

    /// So many records of the ticks stream are folded, up to this feed time.
    func folded(_ count: Int, upTo time: UTCNanos) {
        line?.show("\(grouped(count)) records of the ticks stream folded, up to \(time.text()) UTC")
    }

    /// The line is not needed any more.
    func ended() { line?.clear() }
}

/// A line of standard error that is written over, at most four times a second.
private final class ProgressLine {
    private let clock: Clock
    private var shownAt = Int64.min
    private var width = 0

    init(clock: Clock) { self.clock = clock }

    func show(_ text: String) {
        let now = clock.monotonic()
        guard now >= shownAt &+ 250 * UTCNanos.perMillisecond else { return }
        shownAt = now
        write(text)
    }

    func clear() {
        guard width > 0 else { return }
        write("")
        Program.write(standardError: "\r")
    }

    private func write(_ text: String) {
        Program.write(standardError: "\r" + text + String(repeating: " ", count: max(0, width - text.count)))
        width = text.count
    }
}
