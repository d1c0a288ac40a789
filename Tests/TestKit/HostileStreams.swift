public import MarketData
public import Wire

/// Records of both inputs that meet every case of the folds, by a seed.
public struct HostileStreams {
    private var random: SplitMix
    private var time = 1_778_572_800.0
    private var position: UInt64 = 0
    private static let pairs = ["EUR_USD", "NZD_CAD", "USD_JPY"].map { Pair($0)! }
    private static let start: UTCSeconds = 1_778_572_800
    /// Of the records of both.
    public static let timeframes = [Timeframe(minutes: 1)!, .fiveMinutes, .fifteenMinutes]

    public init(seed: UInt64) { random = SplitMix(seed: seed) }

    private mutating func happens(_ rate: Double) -> Bool { Double.random(in: 0..<1, using: &random) < rate }

    private mutating func pair() -> Pair { Self.pairs.randomElement(using: &random)! }

    // MARK: Ticks

    /// The next ones, sealed; some positions are missing.
    public mutating func ticks(_ count: Int) -> [TickEnvelope] {
        (0..<count).map { _ in
            time += Double.random(in: 0...16, using: &random)
            var record = next()
            position += happens(0.01) ? 3 : 1
            record.seal(position: position)
            return record
        }
    }

    private mutating func next() -> TickEnvelope {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<70: tick()
        case ..<90: Make.clock(time - 0.2, flags: happens(0.2) ? .localClock : [])
        case ..<91: TickEnvelope.unknown(time)
        default: event()
        }
    }

    private mutating func tick() -> TickEnvelope {
        var moment = time
        if happens(0.2) { moment -= Double.random(in: 0...1_500, using: &random) }
        if happens(0.02) { moment -= 8_000 }
        if happens(0.01) { moment += 200_000 }
        if happens(0.005) { moment = -1 }
        var flags: TickFlags = []
        let choices: [(TickFlags, Double)] = [
            (.snapshot, 0.05), (.duplicate, 0.02), (.bidMissing, 0.06), (.askMissing, 0.06), (.recovered, 0.05),
        ]
        for (flag, rate) in choices where happens(rate) { flags.insert(flag) }
        let bid = Int.random(in: 11_000...11_100, using: &random)
        let ask = bid + Int.random(in: -1...5, using: &random)
        return Make.tick(moment, "1.\(bid)", "1.\(ask)", pair: pair(), flags: flags)
    }

    private mutating func event() -> TickEnvelope {
        let pair = happens(0.5) ? Pair.none : pair()
        let from = Make.nanos(time - Double.random(in: 0...400, using: &random))
        switch Int.random(in: 0..<10, using: &random) {
        case ..<3: return Make.feed(.blindBegan(since: from), pair: pair, at: time)
        case ..<7:
            return Make.feed(.blindEnded(from: from, until: Make.nanos(time - 1)), pair: pair, at: time)
        case ..<9: return Make.feed(.updatesLost(count: 2), pair: self.pair(), at: time)
        default:
            guard happens(0.3) else { return Make.feed(.sessionPreserved, at: time) }
            let wrong = time
            time -= Double.random(in: 30...500, using: &random)
            return Make.feed(.clockSetBack(from: Make.nanos(wrong), to: Make.nanos(time)), at: time)
        }
    }

    // MARK: History

    /// Sealed, with the positions from 1 on.
    public mutating func history(_ count: Int) -> [CandleEnvelope] {
        (1...count).map { place in
            var record = bought()
            record.seal(position: UInt64(place))
            return record
        }
    }

    private mutating func bought() -> CandleEnvelope {
        let timeframe = happens(0.7) ? Self.timeframes[0] : Self.timeframes[1]
        let start = Self.start + .seconds(timeframe.seconds * Int64.random(in: 0...40, using: &random))
        let series = Series(pair(), timeframe)
        if happens(0.3) { return EmptyRecord(series, start: UTCNanos(seconds: start)).envelope }
        var candle = Make.candle(
            start, minutes: timeframe.minutes, pair: series.pair,
            price: "1.\(Int.random(in: 100...999, using: &random))", source: happens(0.2) ? .imported : .bought)
        candle.invertedTicks = UInt32.random(in: 0...3, using: &random)
        return happens(0.2) ? PartRecord(candle).envelope : candle.envelope
    }
}

extension TickEnvelope {
    /// Of a kind that a later version may write.
    fileprivate static func unknown(_ seconds: Double) -> TickEnvelope {
        var bytes = Make.clock(seconds).bytes
        bytes[0] = UInt8(ascii: "X")
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: TickEnvelope.self) }
    }
}
