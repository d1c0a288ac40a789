public import MarketData
public import Wire

/// What comes of comparing a streamed candle with the broker's own. Raw values are stable: they stand in the database.
public enum OpinionVerdict: String, CaseIterable, Sendable {
    /// There is no streamed candle yet.
    case waiting
    /// The streamed one is partial.
    case partial
    /// Open, high, low and close of bid and ask are equal.
    case agrees
    /// Some are not, and no extreme of the broker's lies outside ours.
    case differs
    /// The broker saw a higher high or a lower low: a tick may be missing.
    case disputed

    public init(native: CandleRecord, streamed: CandleRecord?) {
        guard let streamed else {
            self = .waiting
            return
        }
        // A dispute that was enforced made it partial, nothing else did.
        guard !streamed.flags.contains(.partial) || streamed.flags.contains(.disputed) else {
            self = .partial
            return
        }
        let sides = [(native.bid, streamed.bid), (native.ask, streamed.ask)]
        if sides.contains(where: { $0.0.high > $0.1.high || $0.0.low < $0.1.low }) {
            self = .disputed
        } else {
            self = sides.allSatisfy { $0.0 == $0.1 } ? .agrees : .differs
        }
    }

    /// The flags of a streamed candle after the comparison.
    /// - Parameter enforces: a disputed candle is partial; otherwise it is marked only.
    public func marked(_ flags: CandleFlags, enforces: Bool) -> CandleFlags {
        var flags = flags
        // A former dispute made it partial, nothing else did.
        if flags.contains(.disputed) { flags.subtract([.disputed, .partial]) }
        if self == .disputed { flags.formUnion(enforces ? [.disputed, .partial] : .disputed) }
        return flags
    }
}

/// What one of the two candles says.
public struct CandleOpinion: Hashable, Sendable {
    public let bid: OHLC
    public let ask: OHLC
    public let ticks: Int

    public init(
        bid: OHLC, ask: OHLC, ticks: Int
    ) {
        self.bid = bid
        self.ask = ask
        self.ticks = ticks
    }
}

/// An interval of which the broker sent its own candle.
public struct OpinionComparison: Hashable, Sendable {
    public let series: Series
    public let start: UTCSeconds
    public let verdict: OpinionVerdict
    public let native: CandleOpinion
    /// `nil` while there is no streamed candle.
    public let streamed: CandleOpinion?

    public init(
        series: Series, start: UTCSeconds, verdict: OpinionVerdict, native: CandleOpinion, streamed: CandleOpinion?
    ) {
        self.series = series
        self.start = start
        self.verdict = verdict
        self.native = native
        self.streamed = streamed
    }
}

/// How many intervals of a series came to each verdict.
public struct OpinionAgreement: Hashable, Sendable {
    public let series: Series
    public let counts: [OpinionVerdict: Int]
    /// Start of the newest interval that was compared.
    public let newest: UTCSeconds

    public func count(_ verdict: OpinionVerdict) -> Int { counts[verdict] ?? 0 }

    /// Of how many intervals came to each verdict: one for each series, by name.
    public static func all(
        _ lines: some Sequence<(series: Series, verdict: OpinionVerdict, count: Int, newest: UTCSeconds)>
    ) -> [OpinionAgreement] {
        var found: [Series: (counts: [OpinionVerdict: Int], newest: UTCSeconds)] = [:]
        for line in lines {
            var entry = found[line.series] ?? ([:], .min)
            entry.counts[line.verdict, default: 0] += line.count
            entry.newest = max(entry.newest, line.newest)
            found[line.series] = entry
        }
        return found.map { OpinionAgreement(series: $0.key, counts: $0.value.counts, newest: $0.value.newest) }
            .sorted { ("\($0.series.pair)", $0.series.timeframe) < ("\($1.series.pair)", $1.series.timeframe) }
    }

    public init(
        series: Series, counts: [OpinionVerdict: Int], newest: UTCSeconds
    ) {
        self.series = series
        self.counts = counts
        self.newest = newest
    }
}
