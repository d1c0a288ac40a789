internal import MarketData
internal import Wire

/// What one collector saw: of each pair that is known by itself, and of any other.
struct CollectorSight {
    struct PairSight {
        let seen: Stretches
        /// What was recorded as not seen.
        let holes: Stretches
    }

    let others: PairSight
    private(set) var pairs: [Pair: PairSight] = [:]
    /// Since when the pairs are looked for that were ever recorded as blind by themselves.
    private(set) var watched: [Pair: UTCSeconds] = [:]

    /// Those of all collectors that have a feed, by name.
    /// - Throws: `StoreError`.
    static func all(_ reader: any CandleQueries) throws -> [CollectorSight] {
        let feeds = try reader.collectors().map { collector in
            (collector, try reader.continuity(of: collector), try reader.streamedSince(by: collector))
        }.filter { $0.1.newest.rawValue > 0 || !$0.2.isEmpty }
        return try feeds.map { collector, continuity, streamed in
            feeds.count == 1
                ? try CollectorSight(alone: collector, continuity, reader)
                : try CollectorSight(collector, continuity, streamed, reader)
        }
    }

    /// Of the only collector: whatever pair is asked for, it was in its feed.
    private init(alone collector: Collector, _ continuity: Continuity, _ reader: any CandleQueries) throws {
        let stored = try reader.series()
        // The word of the first sight may have been deleted by age.
        let oldest = try stored.compactMap { try reader.oldestStreamed($0, .complete) }.min()
        let first = min(try reader.firstSight(of: collector)?.seconds ?? .max, oldest ?? .max)
        let newest = try stored.compactMap { series in
            try reader.newestStreamed(series).map { $0 + series.timeframe }
        }.max()
        let last = max(continuity.newest.seconds, newest ?? UTCSeconds(rawValue: 0))
        self.init(continuity, first: first, last: last)
        for (name, blindness) in continuity.pairs {
            guard let pair = Pair(name) else { continue }
            pairs[pair] = sight(continuity, blindness, since: first, last)
        }
    }

    /// Of one of several: it saw nothing of a pair before its own first candle of it.
    private init(
        _ collector: Collector, _ continuity: Continuity, _ streamed: [Pair: UTCSeconds], _ reader: any CandleQueries
    ) throws {
        // A first candle may begin before the first sight: then it is partial.
        let first = try reader.firstSight(of: collector)?.seconds ?? streamed.values.min() ?? .max
        let last = max(
            continuity.newest.seconds, try reader.streamedUntil(by: collector, continuity, of: Array(streamed.keys)))
        self.init(continuity, first: first, last: last)
        for (pair, since) in streamed {
            pairs[pair] = sight(
                continuity, continuity.pairs[pair.description] ?? Blindness(), since: max(first, since), last)
        }
    }

    private init(_ continuity: Continuity, first: UTCSeconds, last: UTCSeconds) {
        let holes = Stretches(CollectorSight.seconds(continuity.feed.holes))
        others = PairSight(
            seen: Stretches(CollectorSight.range(first, CollectorSight.end(last, continuity.feed)), without: holes),
            holes: holes)
        for (name, blindness) in continuity.pairs {
            guard let pair = Pair(name) else { continue }
            // Nothing was looked for before the feed was seen; a time of 0 was recorded before the broker's first.
            watched[pair] = max(blindness.firstRecorded?.seconds ?? UTCSeconds(rawValue: 0), first)
        }
    }

    private func sight(
        _ continuity: Continuity, _ blindness: Blindness, since first: UTCSeconds, _ last: UTCSeconds
    ) -> PairSight {
        let own = CollectorSight.seconds(blindness.holes)
        let holes = Stretches(own + others.holes.all)
        let from = max(first, blindness.firstSight.seconds)
        let end = min(CollectorSight.end(last, continuity.feed), CollectorSight.end(last, blindness))
        return PairSight(seen: Stretches(CollectorSight.range(from, end), without: holes), holes: holes)
    }

    private static func range(_ first: UTCSeconds, _ end: UTCSeconds) -> Range<UTCSeconds> {
        first < end ? first..<end : first..<first
    }

    private static func end(_ last: UTCSeconds, _ blindness: Blindness) -> UTCSeconds {
        blindness.since.map { min(last, $0.seconds) } ?? last
    }

    /// Rounded outwards.
    private static func seconds(_ holes: [Range<UTCNanos>]) -> [Range<UTCSeconds>] {
        holes.map {
            $0.lowerBound.seconds..<(UTCNanos(rawValue: $0.upperBound.rawValue - 1).seconds + .seconds(1))
        }
    }
}

extension CandleQueries {
    /// The end of the newest candle that a collector streamed behind the last event of its feed; 0 without any. Events
    /// come several times a day: what begins days after the last one is not its.
    fileprivate func streamedUntil(
        by collector: Collector, _ continuity: Continuity, of pairs: [Pair]
    ) throws -> UTCSeconds {
        let all = try series().filter { pairs.contains($0.pair) }
        guard let newest = try all.compactMap({ try newestStreamed($0) }).max() else { return UTCSeconds(rawValue: 0) }
        var end = continuity.newest.seconds
        if end.rawValue == 0 { end = try streamedSince(by: collector).values.min() ?? newest }
        while true {
            // Longer than a weekend.
            let until = min(end + .seconds(4 * 86_400), newest + .seconds(1))
            guard end < until else { return end }
            let ends = try all.compactMap { series in
                try streamed(series, in: (end - series.timeframe)..<until)
                    .last { $0.collector == collector && continuity.counts($0.record) }
                    .map { $0.record.start.seconds + series.timeframe }
            }
            guard let last = ends.max(), last > end else { return end }
            end = last
        }
    }
}

extension Continuity {
    /// Whether a candle's time is believed: a wrong time of the broker's, before it was taken back, made none ahead.
    fileprivate func counts(_ candle: CandleRecord) -> Bool {
        guard let clockReset else { return true }
        return candle.inputPosition > clockReset.position
            || candle.start.seconds + candle.timeframe <= clockReset.time.seconds
    }
}
