internal import Host

/// Says what a start waits for: on a terminal in one line that is rewritten, else in a line now and then. Nothing in the
/// first second.
final class StartDisplay {
    private let clock: Clock
    private let columns: Int?
    private let write: (String) -> Void
    private var next: Int64
    private var isShown = false

    private static let second: Int64 = 1_000_000_000

    /// - Parameter columns: of the terminal; `nil` without one.
    init(columns: Int?, clock: Clock, write: @escaping (String) -> Void = { Program.write(standardOutput: $0) }) {
        (self.columns, self.clock, self.write) = (columns, clock, write)
        next = clock.monotonic() + StartDisplay.second
    }

    func show(_ text: String) {
        guard case let now = clock.monotonic(), now >= next else { return }
        next = now + (columns == nil ? 10 * StartDisplay.second : StartDisplay.second / 4)
        // Anyone on this machine can send a status.
        let text = String(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 })
        guard let columns else { return write(text + "\n") }
        write("\r\(text.prefix(columns - 1))\u{1B}[K")
        isShown = true
    }

    /// Makes place for what follows.
    func clear() {
        if isShown { write("\r\u{1B}[K") }
    }
}
