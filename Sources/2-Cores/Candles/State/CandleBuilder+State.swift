internal import MarketData

/// All that the builder holds, but for its options, as bytes.
extension CandleBuilder {
    /// - Precondition: the output was taken away.
    func write(to bytes: inout StateWriter) {
        precondition(output.isEmpty)
        bytes.put(counters)
        bytes.put(pairs.pairs)
        bytes.put(open)
        bytes.put(begun)
        bytes.put(lastTicks)
        bytes.put(pending)
        bytes.put(final)
        bytes.put(owed)
        bytes.put(missing)
        bytes.put(suspectSince)
        bytes.put(nextClose)
        bytes.put(feed)
        bytes.put(isFirst)
        bytes.put(nextPruning)
        bytes.put(position)
    }

    /// - Parameter options: those of the builder that the bytes were made of.
    init(options: Options, from bytes: inout StateReader) throws(StateDamage) {
        self.init(options: options)
        counters = try bytes.take()
        let names: [Pair] = try bytes.take()
        for pair in names { _ = pairs.index(of: pair) ?? pairs.add(pair) }
        guard pairs.pairs == names else { throw StateDamage() }
        open = try bytes.take()
        begun = try bytes.take()
        lastTicks = try bytes.take()
        pending = try bytes.take()
        final = try bytes.take()
        owed = try bytes.take()
        missing = try bytes.take()
        suspectSince = try bytes.take()
        nextClose = try bytes.take()
        feed = try bytes.take()
        isFirst = try bytes.take()
        nextPruning = try bytes.take()
        position = try bytes.take()
        guard isConsistent else { throw StateDamage() }
    }

    /// Whether no look-up can leave its list.
    private var isConsistent: Bool {
        let slots = pairs.pairs.count * lengths.count
        guard open.count == slots, begun.count == slots, lastTicks.count == pairs.pairs.count else { return false }
        func isValid(_ key: Key) -> Bool {
            key.pair < pairs.pairs.count && key.timeframe < lengths.count && FeedTime.isPlausible(key.start)
        }
        return pending.allSatisfy { isValid($0.key) && $0.value.start == $0.key.start }
            && final.keys.allSatisfy { isValid($0) && final[$0]?.candle.start == $0.start }
            && owed.allSatisfy(isValid)
            && open.allSatisfy { $0.start == OpenCandle.none || FeedTime.isPlausible($0.start) }
    }
}

extension CandleBuilder.Key: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(UInt32(pair))
        bytes.put(UInt16(timeframe))
        bytes.put(start)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let (pair, timeframe): (UInt32, UInt16) = (try bytes.take(), try bytes.take())
        self.init(pair: Int(pair), timeframe: Int(timeframe), start: try bytes.take())
    }
}

extension CandleBuilder.Counters: StateValue {
    /// In the order of their bytes.
    private static var all: [WritableKeyPath<Self, UInt64>] {
        [
            \.ticks, \.duplicates, \.oneSided, \.sideMissing, \.inverted, \.late, \.tooLate, \.implausible,
            \.clocksSetBack, \.candles, \.unknownRecords,
        ]
    }

    func write(to bytes: inout StateWriter) {
        for counter in Self.all { bytes.put(self[keyPath: counter]) }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        self.init()
        for counter in Self.all { self[keyPath: counter] = try bytes.take() }
    }
}

extension LastTick: StateValue {
    func write(to bytes: inout StateWriter) {
        for value in [time, bid, ask, receiveTime] { bytes.put(value) }
        bytes.put(flags)
        bytes.put(position)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        self.init()
        (time, bid) = (try bytes.take(), try bytes.take())
        (ask, receiveTime) = (try bytes.take(), try bytes.take())
        (flags, position) = (try bytes.take(), try bytes.take())
    }
}

extension ClosedCandle: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(candle)
        bytes.put(blindMilliseconds)
        bytes.put(lost)
        bytes.put(isVoid)
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        self.init(
            candle: try bytes.take(), blindMilliseconds: try bytes.take(), lost: try bytes.take(),
            isVoid: try bytes.take())
    }
}
