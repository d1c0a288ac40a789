/// How long to wait before the next attempt: doubling up to a ceiling, the upper half at random so that
/// many clients do not come back at once. Our choice; the protocol gives none.
public struct Backoff: Sendable {
    public let base: Duration
    public let ceiling: Duration
    /// Failed attempts in a row.
    public private(set) var attempts = 0

    public init(base: Duration, ceiling: Duration) {
        self.base = base
        self.ceiling = ceiling
    }

    /// Counts a failure and gives the pause after it, between half and the whole of the doubled base.
    public mutating func failed(random: inout Jitter) -> Duration {
        attempts = min(attempts + 1, 1_000_000)
        var pause = base
        for _ in 1..<min(attempts, 32) where pause < ceiling { pause *= 2 }
        pause = min(pause, ceiling)
        return pause / 2 + pause / 2 * Double(random.next() >> 11) / Double(1 << 53)
    }

    public mutating func succeeded() { attempts = 0 }
}
