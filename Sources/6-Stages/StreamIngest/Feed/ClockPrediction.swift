internal import MarketData

/// How far the broker's clock is ahead of our monotonic one, learned from heartbeats: what time it is there between two
/// of them. Owns no clock; all in ns.
///
/// A heartbeat that says H and is heard at the moment m has travelled, so the broker's clock is ahead by H − m or more.
/// The largest of these bounds is the nearest to the truth, and no time that follows from it is ahead of the broker's,
/// however much the connection holds up. The offset may fall, so old bounds are forgotten: by halves, since a maximum
/// over an exact span would have to keep every one of them, and any span between one half and two serves.
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

    private var beats = 0
    /// The largest bound of the present half and of the one before.
    private var present = Int64.min
    private var former = Int64.min
    private var halfBegan: Int64 = 0
    private var heard: Int64 = 0

    /// A believed heartbeat came.
    mutating func hear(heartbeat time: Int64, at monotonic: Int64) {
        let bound = time &- monotonic
        if beats > 0, monotonic &- heard > Self.gapMax || bound < largest &- Self.behindMax { forget() }
        if beats == 0 || monotonic &- halfBegan >= Self.half {
            (former, present, halfBegan) = (present, bound, monotonic)
        } else {
            present = max(present, bound)
        }
        (beats, heard) = (beats &+ 1, monotonic)
    }

    mutating func forget() { self = ClockPrediction() }

    private var largest: Int64 { max(present, former) }

    /// The broker's clock is ahead of the monotonic one by this or more; `nil` if that is not known.
    var offset: Int64? { beats < Self.beatsMin ? nil : largest &- Self.drift }
}
