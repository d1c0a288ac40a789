internal import Assumptions
internal import MarketData
internal import TLCP
internal import Wire

/// What the broker's own candles say of the pairs. Source: docs/architecture.md § Second opinion.
extension FeedRecorder {
    /// Takes an event of native candles, which changes no pair's sight. The broker may refuse them.
    /// - Returns: whether it was one.
    mutating func tookNative(_ event: SessionEvent) -> Bool {
        switch event {
        case .refused(let subscription, let code, let text):
            guard let index = native?.index(of: subscription) else { return false }
            if isItemLimit(text) {
                _ = native?.yield()
            } else if isOpen(index) {
                violate(.nativeCandles, "\(instruments[index].epic): code \(code)")
            }
            return true
        case .subscribed(let subscription), .renewed(let subscription), .unsubscribed(let subscription),
            .itemLost(let subscription, _), .configured(let subscription, _, _),
            .endOfSnapshot(let subscription, _), .snapshotCleared(let subscription, _),
            .updatesLost(let subscription, _, _):
            return native?.index(of: subscription) != nil
        default: return false
        }
    }

    /// A pair was refused since too many items are in use: the second opinion yields one to it.
    mutating func yieldItem(_ text: String) {
        if isItemLimit(text), native?.yield() == true { asksAgain = true }
    }

    /// An update of native candles that are over.
    mutating func takeNative(_ update: FieldUpdate) {
        guard let native, let index = native.index(of: update.subscription) else { return }
        switch native.read(update, index, feedTime: max(feedTime, clock.marketTime)) {
        case .candle(var candle):
            output.assumptions.hold(.nativeCandles)
            candle.publishTime = clock.receiveTime
            output.candles.append(candle)
            judgeSilence(index, candle, native.timeframe)
        case .wrong(let what): violate(.nativeCandles, what)
        case .repeated: break
        }
    }

    /// The pair's market moved. If its tick item brought no tick, it is looked at; and if it goes on so, nothing is
    /// known of the pair since its last tick.
    private mutating func judgeSilence(_ index: Int, _ candle: CandleRecord, _ timeframe: Timeframe) {
        let start = candle.start
        let pair = continuity.pairs[index]
        // Candles move in a shut market too (`ig-api` § 10): some other pair must have ticked.
        let isSilent =
            candle.tickCount > 0 && pair.time < start.rawValue && sight.isSeeing
            && pair.sight.isWhole && pair.sight.blindSince == nil
            && instruments[index].hours.isOpen(during: start.seconds..<(start.seconds + timeframe))
            && continuity.pairs.contains { $0.time >= start.rawValue }
        switch native?.finish(candle, index, isSilent: isSilent, feedTime: clock.feedTime) {
        case .suspect: suspects.append(index + 1)
        case .proven(let since):
            continuity.contradict(index, since: since, clock, &output)
            suspects.append(index + 1)
        case .some(.none), nil: break
        }
    }
}
