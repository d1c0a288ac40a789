internal import Engines
internal import Foundation
internal import Host
internal import Inspection
internal import MarketData
internal import Settings
internal import Store
internal import Synchronization

/// The gaps of the last week, counted as often as the candles to be read allow, on a thread of its own: no scrape waits.
final class HoleGlance: Sendable {
    private struct State {
        /// `nil`: not counted yet, or the last attempt failed.
        var counts: HoleCounts?
        /// When they are to be counted again, monotonic.
        var next = Int64.min
        var isCounting = false
    }

    private let state = Mutex(State())

    /// What was counted last; `nil` as long as nothing could be. Begins to count anew if that is due.
    func latest(_ collectors: Collectors, paths: Paths, clock: Clock) -> HoleCounts? {
        let now = clock.monotonic()
        let (counts, isDue) = state.withLock { state in
            let isDue = !state.isCounting && now >= state.next
            if isDue { state.isCounting = true }
            return (state.counts, isDue)
        }
        if isDue { Thread.detachNewThread { [self] in count(collectors, paths, clock) } }
        return counts
    }

    private func count(_ collectors: Collectors, _ paths: Paths, _ clock: Clock) {
        let began = clock.monotonic()
        let counts: HoleCounts?
        do {
            counts = try HoleCounts(storeEngine.openReader(paths), collectors)
        } catch let failure as Failure where failure.code == .unavailable {
            counts = HoleCounts()  // Nothing is stored yet.
        } catch {
            counts = nil  // candlewick_database_up and the verdict say why.
        }
        let end = clock.monotonic()
        // At most a fiftieth of a core goes there.
        let pause = max(30 * UTCNanos.perSecond, (end - began) * 50)
        state.withLock { $0 = State(counts: counts, next: end + pause) }
    }
}
