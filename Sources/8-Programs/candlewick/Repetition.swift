internal import Host
internal import MarketData

/// Shows a report again and again: on a terminal in place, elsewhere one after the other.
struct Repetition {
    /// Between the beginnings of two looks; a look that takes longer is followed by the next.
    let seconds: Int64
    let clock: Clock

    /// Ends at a stop, or when the reader has gone. A look that fails shows why.
    func run(until stop: StopSignal, _ look: () throws -> String) {
        while true {
            let began = clock.monotonic()
            let text: String
            do { text = try look() } catch { text = "candlewick: \(error)\n" }
            guard Program.write(standardOutput: Terminal.hasScreen(.process) ? screen(text) : text) else { return }
            let left = began + seconds * UTCNanos.perSecond - clock.monotonic()
            if stop.wait(milliseconds: Int32(clamping: max(0, left) / UTCNanos.perMillisecond)) { return }
        }
    }

    /// As much as fits, in the place of the last one; a line that is too long is cut. Source: ECMA-48.
    private func screen(_ text: String) -> String {
        let rows = (Terminal.size ?? .usual).rows
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        let rest = lines.count - rows + 1
        let shown = rest > 0 ? lines.prefix(max(0, rows - 2)) + ["… \(rest + 1) more lines"] : lines[...]
        return "\u{1B}[?7l\u{1B}[H" + shown.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J\u{1B}[?7h"
    }
}
