/// Which updates of a subscribed item go out while a fault holds some back.
struct UpdateGate {
    /// Nothing goes out.
    var isSilent = false
    /// One update in this many is lost.
    var dropsEvery: Int?
    /// Nanoseconds of market time from one update to the next.
    var interval: Int64?
    private var count = 0
    private var nextTime = Int64.min
    /// The newest state of a MERGE item waits for its turn.
    private(set) var isOwed = false

    /// Whether an update goes out at this market time. Above the frequency MERGE merges and DISTINCT drops
    /// silently. Source: TLCP § Modes.
    mutating func admits(at now: Int64, mode: ItemMode) -> Bool {
        guard !isSilent else { return false }
        count &+= 1
        if let dropsEvery, count % dropsEvery == 0 { return false }
        guard let interval else { return true }
        guard now >= nextTime else {
            isOwed = mode == .merge
            return false
        }
        nextTime = now &+ interval
        isOwed = false
        return true
    }

    /// Whether the state that waits goes out now.
    mutating func releases(at now: Int64) -> Bool {
        guard isOwed, !isSilent, now >= nextTime else { return false }
        isOwed = false
        nextTime = now &+ (interval ?? 0)
        return true
    }
}
