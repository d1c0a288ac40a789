internal import Assumptions
internal import MarketData
internal import TLCP

/// Counts how often the assumptions about the stream hold and fail. Source: `Assumption`.
extension FeedRecorder {
    /// The gap of two heartbeats from which on it is not one a second.
    private static var beatGapMax: Int64 { 5 * UTCNanos.perSecond }
    private static var offsetMax: Int64 { 5 * UTCNanos.perSecond }
    /// Beyond this the market is a simulated one, and no clock of ours agrees.
    private static var strangeOffset: Int64 { 86_400 * UTCNanos.perSecond }
    /// The code that stands for a `SUBOK` of another shape.
    private static var wrongShape: Int { 61 }
    /// `CONERR`: the server does not speak this version (`tlcp` § Codes).
    private static var wrongProtocol: Int { 65 }

    /// Before the event changes what is known.
    mutating func watch(_ event: SessionEvent) {
        switch event {
        case .began: output.assumptions.hold(.protocolTaken)
        case .stopped(let code, _) where code == Self.wrongProtocol: violate(.protocolTaken, "code \(code)")
        case .subscribed(let subscription), .renewed(let subscription):
            output.assumptions.hold(.subscriptionShape)
            output.assumptions.hold(subscription == 0 ? .heartbeatTaken : .tickItemTaken)
        case .refused(let subscription, let code, let text): watchRefusal(subscription, code, text)
        case .allAnswered: if subscribedPairs == instruments.count { output.assumptions.hold(.itemsFit) }
        case .configured(let subscription, let frequency, _):
            note(
                .unlimitedUpdates, holds: frequency == "unlimited",
                "\(epic(subscription)): \(frequency.prefix(20)) a second")
        case .endOfSnapshot: output.assumptions.hold(.snapshotEnds)
        case .recovered: output.assumptions.hold(.recoveryGranted)
        case .recoveryRefused(let code): violate(.recoveryGranted, "code \(code)")
        default: break
        }
    }

    private mutating func watchRefusal(_ subscription: Int, _ code: Int, _ text: String) {
        let what = "\(epic(subscription)): code \(code)"
        if code == Self.wrongShape {
            violate(.subscriptionShape, what)
        } else if isItemLimit(text) {
            violate(.itemsFit, "\(what), \(instruments.count + 1) items")
        } else if subscription == 0 {
            violate(.heartbeatTaken, what)
        } else if isOpen(subscription - 1), continuity.pairs[subscription - 1].time == 0 {
            // While the market is shut refusals are routine, and so they are of what was served before (`ig-api` § 14).
            violate(.tickItemTaken, what)
        }
    }

    /// Too many items are in use (`ig-api` § 14).
    func isItemLimit(_ text: String) -> Bool { text.lowercased().contains("limit exceeded") }

    /// Whether an instrument is traded now. Unknown times count as open.
    func isOpen(_ index: Int) -> Bool {
        let now = UTCNanos(rawValue: clock.marketTime)
        return clock.marketTime == 0 || instruments[index].hours.isOpen(at: now.seconds)
    }

    /// A believed heartbeat, before it becomes the last one.
    mutating func watchBeat(_ time: Int64) {
        let gap = time - clock.lastBeat
        if continuity.beatsSinceLoss > 0, sight.isSeeing {
            if gap <= Self.beatGapMax {
                steadyBeats &+= 1
            } else {
                violate(.heartbeatPace, "\(gap / UTCNanos.perMillisecond) ms apart")
            }
        }
        let offset = clock.offset
        guard abs(offset) < Self.strangeOffset else { return }
        if abs(offset) <= Self.offsetMax {
            closeBeats &+= 1
        } else {
            violate(.clockOffset, "\(offset / UTCNanos.perMillisecond) ms ahead")
        }
    }

    /// A tick that is older than the one before it.
    @inline(never)
    mutating func noteStepBack(_ index: Int, _ time: Int64) {
        let step = (continuity.pairs[index].time - time) / UTCNanos.perMillisecond
        violate(.tickOrder, "\(instruments[index].epic): \(step) ms back")
    }

    mutating func violate(_ assumption: Assumption, _ note: String) {
        output.violate(assumption, at: clock, note)
    }

    private mutating func note(_ assumption: Assumption, holds: Bool, _ what: String) {
        output.assumptions.note(assumption, holds: holds, at: clock.receiveTime, what)
    }

    /// What was counted so far, with what the hot path counts by itself.
    var assumptionTally: AssumptionTally {
        var tally = output.assumptions
        let ticks = output.counters.ticks
        for assumption in [Assumption.tickTimes, .tickPrices] { tally.hold(assumption, times: ticks) }
        tally.hold(.heartbeatTime, times: output.counters.heartbeats)
        tally.hold(.heartbeatPace, times: steadyBeats)
        tally.hold(.clockOffset, times: closeBeats)
        tally.hold(.tickOrder, times: ticks - min(ticks, tally[.tickOrder].violated))
        return tally
    }
}
