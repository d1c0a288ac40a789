/// Spaces requests so that a minute's limit is kept: a burst at once, then one each `spacing`. The caller gives it the
/// time. Source: the generic cell rate algorithm, ITU-T I.371 annex A.
public struct RequestPacer: Sendable {
    /// ns.
    private var spacing: Int64
    private var burst: Int64
    /// When the next request would come if all came evenly, ns.
    private var expected = Int64.min

    /// - Parameters:
    ///   - spacing: ns between two requests in the long run.
    ///   - burst: how many may come at once after a rest, at least 1.
    public init(spacing: Int64, burst: Int) {
        self.spacing = spacing
        self.burst = Int64(max(1, burst))
    }

    private var tolerance: Int64 { spacing * (burst - 1) }

    /// Never faster than a limit of the broker, and two below it, as clients do (`ig-api` § 8).
    /// - Parameter perMinute: requests in any 60 s.
    public mutating func obey(perMinute: Int) {
        let most = Int64(max(1, perMinute - 2))
        burst = min(burst, max(1, most / 2))
        // A burst, and then evenly: so many come in the first minute.
        spacing = max(spacing, 60_000_000_000 / max(1, most - (burst - 1)))
    }

    /// How long the next request must wait, ns; 0 for not at all.
    public func delay(now: Int64) -> Int64 {
        guard expected > now else { return 0 }
        return max(0, expected - tolerance - now)
    }

    /// A request was sent.
    public mutating func note(_ moment: Int64) { expected = max(expected, moment) + spacing }

    /// The broker finds it too fast: a whole minute without a request.
    public mutating func rest(now: Int64) { expected = now + 60_000_000_000 + tolerance }
}
