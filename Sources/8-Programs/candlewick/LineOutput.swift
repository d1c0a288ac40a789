internal import Host
internal import MarketData

/// Lines to standard output, in bursts, until there are enough, the time is over, or the reader has gone.
struct LineOutput {
    private var text = ""
    private var left: Int
    /// Whether there has been no line yet.
    private(set) var isEmpty = true
    private let stop: StopSignal
    private let end: Int64
    private var isRead = true

    init(limit: Int?, until stop: StopSignal, seconds: Int64?) {
        left = limit ?? .max
        self.stop = stop
        end = seconds.map { Clock.system.monotonic() + $0 * UTCNanos.perSecond } ?? .max
    }

    /// Whether more lines are wanted.
    var isOpen: Bool { left > 0 && isRead && !stop.isRaised && Clock.system.monotonic() < end }

    /// Whether the time was over without a line.
    var wasSilent: Bool { isEmpty && isRead && !stop.isRaised }

    /// How long to wait for the next line.
    func milliseconds(atMost most: Int) -> Int {
        let rest = max(0, end.subtractingReportingOverflow(Clock.system.monotonic()).partialValue)
        return min(most, Int(rest / UTCNanos.perMillisecond) + 1)
    }

    mutating func add(_ line: String) {
        guard left > 0 else { return }
        left -= 1
        isEmpty = false
        text += line + "\n"
    }

    mutating func flush() {
        guard !text.isEmpty else { return }
        isRead = Program.write(standardOutput: text)
        text.removeAll(keepingCapacity: true)
    }
}
