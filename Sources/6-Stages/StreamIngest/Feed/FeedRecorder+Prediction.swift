internal import MarketData
internal import Wire

/// Closes the intervals of quiet pairs on time, by the broker's clock as learned, since the next heartbeat may be almost a
/// second away. Source: docs/decisions/0032-predicted-clock.md.
extension FeedRecorder {
    /// The end of the interval that the next clock record closes; `nil` while nothing proves that the feed was alive past
    /// it: a connection that was cut before it must close nothing.
    private var provenEnd: Int64? {
        guard let end = closings?.end(closingAfter: clock.lastRecord), clock.provenTime >= end else { return nil }
        return sight.isSeeing ? end : nil
    }

    /// The moment at which `predictClock` has something to do, monotonic ns; `nil`: not known yet.
    var closingMoment: Int64? {
        guard let closings, let end = provenEnd else { return nil }
        return clock.moment(of: end + closings.grace)
    }

    /// Writes a clock record if the broker's clock has passed an interval's end and the grace. Call it only while a session
    /// is bound.
    mutating func predictClock(now: UTCNanos, monotonic: Int64) {
        guard let moment = closingMoment, moment <= monotonic else { return }
        clock.advance(now: now, monotonic: monotonic)
        // What was known of the clock may not count at this moment.
        guard let closings, let end = provenEnd, closingMoment != nil else { return }
        output.counters.predictedClocks += 1
        clock.predicted(end + closings.grace)
        record(end + closings.grace, .predicted)
    }
}
