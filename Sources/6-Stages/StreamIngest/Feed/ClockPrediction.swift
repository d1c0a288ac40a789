internal import MarketData
internal import Wire

/// How far the broker's clocks are ahead of our monotonic one, learned from what they stamp: what time it is there between
/// two heartbeats. Owns no clock; all in ns.
///
/// What says T and is heard at the moment m has travelled, so the broker's clock is ahead by T − m or more. The largest of
/// these bounds is the nearest to the truth, and no time that follows from it is ahead of the broker's, however much the
/// connection holds up. The offset may fall, so old bounds are forgotten: by halves, since a maximum over an exact span
/// would have to keep every one of them, and any span between one half and two serves.
///
/// Ticks may be stamped by a clock that is ahead of the heartbeat's (`ig-api` § 14), and intervals end by the clock of the
/// ticks. Single ticks may be stamped wrongly, so the two largest bounds of ticks do not count.
/// Source: docs/decisions/0032-predicted-clock.md.
struct ClockPrediction {
    /// So many heartbeats in a row make the offset known.
    static let beatsMin = 10
    private static let half = 30 * UTCNanos.perSecond
    /// Two heartbeats that are further apart are not in a row.
    private static let gapMax = BrokerClock.heartbeatLimit
    /// What two clocks that run freely drift apart, 100 millionths, over the age of the oldest bound.
    private static let drift = 2 * (half + gapMax) / 10_000
    /// A heartbeat that is so much behind the others shows that they do not count any more: the broker's clock is another
    /// one, or runs slower than ours, or one of them was ahead of it.
    private static let behindMax = UTCNanos.perSecond

    /// The bounds of one half.
    private struct Half {
        var beats = Int64.min
        /// The three largest of ticks, the largest first.
        var ticks = (Int64.min, Int64.min, Int64.min)

        mutating func note(tick bound: Int64) {
            if bound > ticks.0 {
                ticks = (bound, ticks.0, ticks.1)
            } else if bound > ticks.1 {
                ticks = (ticks.0, bound, ticks.1)
            } else {
                ticks.2 = bound
            }
        }
    }

    private var beats = 0
    private var present = Half()
    private var former = Half()
    private var halfBegan: Int64 = 0
    private var heard: Int64 = 0

    /// A believed heartbeat came.
    mutating func hear(heartbeat time: Int64, at monotonic: Int64) {
        let bound = time &- monotonic
        if beats > 0, monotonic &- heard > Self.gapMax || bound < beatOffset &- Self.behindMax { forget() }
        if beats == 0 || monotonic &- halfBegan >= Self.half {
            (former, present, halfBegan) = (present, Half(), monotonic)
        }
        present.beats = max(present.beats, bound)
        (beats, heard) = (beats &+ 1, monotonic)
    }

    /// A believed tick came whose time is newer than all before.
    @inline(__always)
    mutating func hear(tick time: Int64, at monotonic: Int64) {
        let bound = time &- monotonic
        if bound > present.ticks.2, beats > 0 { present.note(tick: bound) }
    }

    mutating func forget() { self = ClockPrediction() }

    private var beatOffset: Int64 { max(present.beats, former.beats) }

    /// By how much the clock of the ticks is ahead of the heartbeat's. No more than ticks may be out of order.
    private var lead: Int64 {
        let ticks = max(present.ticks.2, former.ticks.2)
        guard ticks > beatOffset else { return 0 }
        return ticks &- beatOffset <= FeedEvent.orderMargin ? ticks &- beatOffset : 0
    }

    private var isKnown: Bool { beats >= Self.beatsMin }

    /// The broker's clock is ahead of the monotonic one by this or more; `nil` if that is not known.
    var offset: Int64? { isKnown ? beatOffset &+ lead &- Self.drift : nil }

    /// By the clock of the ticks, when a heartbeat was sent: all of earlier times has come. `nil` if that is not known.
    func proven(byHeartbeat time: Int64) -> Int64? { isKnown ? time &+ max(0, lead &- 2 &* Self.drift) : nil }
}
