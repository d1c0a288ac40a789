internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// What the broker's own candles say of the pairs. Source: docs/architecture.md § Second opinion.
extension FeedRecorder {
    /// Takes an event of native candles: nobody waits for them, and the broker may refuse them.
    /// - Returns: whether it was one.
    mutating func tookNative(_ event: SessionEvent) -> Bool {
        switch event {
        case .refused(let subscription, let code, _):
            guard let index = native?.index(of: subscription) else { return false }
            if isOpen { violate(.nativeCandles, "\(instruments[index].epic): code \(code)") }
            return true
        case .subscribed(let subscription), .renewed(let subscription), .unsubscribed(let subscription),
            .itemLost(let subscription, _), .configured(let subscription, _, _),
            .endOfSnapshot(let subscription, _), .snapshotCleared(let subscription, _),
            .updatesLost(let subscription, _, _):
            return native?.index(of: subscription) != nil
        default: return false
        }
    }

    /// An update of native candles.
    mutating func takeNative(_ update: FieldUpdate) {
        guard let native, let index = native.index(of: update.subscription) else { return }
        switch native.read(update, index, feedTime: feedTime) {
        case .candle(var candle):
            assumptions.hold(.nativeCandles)
            candle.publishTime = receiveTime
            candles.append(candle)
            doubt(index, candle)
        case .wrong(let what): violate(.nativeCandles, what)
        case .unfinished: break
        }
    }

    /// The pair's market moved. If its tick item told nothing of that, it is looked at; and if it goes on so, nothing is
    /// known of the pair since its last tick.
    private mutating func doubt(_ index: Int, _ candle: CandleRecord) {
        guard let native else { return }
        let start = candle.start.seconds
        let isSilent =
            candle.tickCount > 0 && items[index].time < candle.start.rawValue && sight == .seeing
            && items[index].sight.isWhole && items[index].sight.blindSince == nil
            && TradingWeek.isOpen(during: start..<(start + native.timeframe.seconds))
        switch self.native?.finish(candle, index, isSilent: isSilent, feedTime: feedTime) {
        case .first: suspects.append(index + 1)
        case .second: contradict(index)
        case .never, nil: break
        }
    }

    /// Nothing is known of the pair since its last tick, until the next one.
    private mutating func contradict(_ index: Int) {
        counters.subscriptionsFrozen += 1
        append(.subscriptionFrozen, pair: items[index].pair)
        let since = lastTick(of: index)
        items[index].sight.spoiltSince = since
        hasSpoilt = true
        blindPair(index, since: since)
        suspects.append(index + 1)
    }
}
