@testable import Candles
import MarketData
import Testing
import TestKit
import Wire

/// Folds that are written to bytes and read back go on as if nothing had happened.
@Suite struct FoldStateTests {
    private static let options: CandleBuilder.Options = {
        var options = CandleBuilder.Options()
        options.timeframes = HostileStreams.timeframes
        options.lateReach = .seconds(3_600)
        return options
    }()

    private struct Unreadable: Error {}

    /// Both folds, with what came out of them.
    private struct Folds {
        var ticks = ResumedFold(options: FoldStateTests.options, emitted: EmittedMark())
        var history = ResumedHistory(timeframes: FoldStateTests.options.timeframes, emitted: EmittedMark())
        private(set) var output: [[UInt8]] = []

        mutating func fold(_ tick: TickEnvelope, _ bought: CandleEnvelope?) throws {
            ticks.fold(tick)
            if let bought { history.take(bought) }
            try ticks.takeNew(publishTime: Make.nanos(0)) { output.append($0.bytes) }
            try history.takeNew(publishTime: Make.nanos(0)) { output.append($0.bytes) }
        }

        var bytes: [UInt8] { FoldState.bytes(of: ticks, history, after: []) }

        mutating func read(_ bytes: [UInt8]) throws {
            guard let state = FoldStateTests.state(bytes) else { throw Unreadable() }
            ticks = ResumedFold(state, emitted: EmittedMark())
            history = ResumedHistory(state, emitted: EmittedMark())
        }
    }

    private static func state(_ bytes: [UInt8], _ options: CandleBuilder.Options = options) -> FoldState? {
        bytes.withUnsafeBytes { FoldState($0, options: options, calendar: TradingCalendar()) }
    }

    private static func streams(_ seed: UInt64, _ count: Int) -> [(TickEnvelope, CandleEnvelope?)] {
        var streams = HostileStreams(seed: seed)
        let history = streams.history(count / 4)
        return streams.ticks(count).enumerated().map { place, tick in
            (tick, place % 4 == 0 && place / 4 < history.count ? history[place / 4] : nil)
        }
    }

    /// A folded stream in some of its states.
    private static func folds(_ seed: UInt64, _ count: Int) throws -> Folds {
        var folds = Folds()
        for (tick, bought) in streams(seed, count) { try folds.fold(tick, bought) }
        return folds
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `what comes after a state is the same, byte for byte`(seed: UInt64) throws {
        var (undisturbed, resumed) = (Folds(), Folds())
        var random = SplitMix(seed: seed)
        for (place, (tick, bought)) in Self.streams(seed, 1_000).enumerated() {
            try undisturbed.fold(tick, bought)
            if Int.random(in: 0..<6, using: &random) == 0 { try resumed.read(resumed.bytes) }
            try resumed.fold(tick, bought)
            guard resumed.output.count == undisturbed.output.count, resumed.output.last == undisturbed.output.last
            else {
                Issue.record("another output after record \(place)")
                return
            }
        }
        let isSame = resumed.output == undisturbed.output
        #expect(isSame && resumed.output.count > 250)
    }

    /// A property that is new and is not written would not come back; one that no state here fills would not be noticed.
    @Test func `every stored property is filled by the streams, and comes back`() throws {
        var dump = Dump()
        for seed in 0..<3 as Range<UInt64> {
            var folds = Folds()
            _ = dump.text(folds)
            for (place, (tick, bought)) in Self.streams(seed, 1_000).enumerated() {
                try folds.fold(tick, bought)
                guard place % 143 == 0 else { continue }
                let before = dump.text(folds)
                try folds.read(folds.bytes)
                // Not the texts, which are long.
                let isSame = dump.text(folds) == before
                #expect(isSame, "after record \(place) of seed \(seed)")
            }
        }
        let constant = dump.values.filter { $0.value.count < 2 }.keys.sorted()
        #expect(
            constant
                == [
                    // The options, and what the caller takes away.
                    "CandleBuilder.closesByNextTick", "CandleBuilder.grace", "CandleBuilder.lateReach",
                    "CandleBuilder.lengths", "CandleBuilder.margin", "CandleBuilder.output", "CandleBuilder.timeframes",
                    "CandleDeriver.calendar", "CandleDeriver.output", "CandleDeriver.timeframes",
                    // Of the journal, not of the state.
                    "EmittedMark.candles", "EmittedMark.certain", "EmittedMark.oldest", "EmittedMark.others",
                    "EmittedMark.position", "ResumedFold.emitted", "ResumedHistory.emitted", "ResumedHistory.output",
                    // Grows with the 128th pair; made of the pairs.
                    "PairTable.mask",
                ].sorted())
    }

    @Test func `a thousand pairs come back in their order`() throws {
        var folds = Folds()
        for number in 0..<1_000 {
            var tick = Make.tick(1_778_572_800, "1.1", "1.2", pair: Pair("P\(number)")!)
            tick.seal(position: UInt64(number + 1))
            try folds.fold(tick, nil)
        }
        var dump = Dump()
        let before = dump.text(folds)
        try folds.read(folds.bytes)
        let isSame = dump.text(folds) == before
        #expect(isSame && folds.ticks.builder.pairCount == 1_000)
    }

    // MARK: Damage

    @Test func `bytes that are cut or changed give a state or none, and no trap`() throws {
        let bytes = try Self.folds(3, 400).bytes
        var random = SplitMix(seed: 3)
        for _ in 0..<400 {
            let isNone = Self.state(Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)))) == nil
            #expect(isNone)
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: changed.indices, using: &random)] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(
                    using: &random)!
            }
            _ = Self.state(changed)
        }
        let areNone = Self.state(bytes + [0]) == nil && Self.state([]) == nil
        #expect(areNone)
    }

    @Test func `a list that claims billions of elements takes no memory`() throws {
        // The counters, then the count of the pairs.
        var bytes = try Self.folds(4, 50).bytes
        for place in 88..<92 { bytes[place] = 0xFF }
        let isNone = Self.state(bytes) == nil
        #expect(isNone)
    }

    @Test func `a state of other timeframes is none`() throws {
        let bytes = try Self.folds(5, 400).bytes
        var options = Self.options
        options.timeframes = [.fiveMinutes, .fifteenMinutes]
        let (own, other) = (Self.state(bytes) != nil, Self.state(bytes, options) != nil)
        #expect(own && !other)
    }
}

/// A value with all that it stores, as text in an order of its own, and the values that each property of the fold had.
private struct Dump {
    private(set) var values: [String: Set<String>] = [:]

    mutating func text(_ value: Any) -> String {
        // Where it keeps them is not decided.
        if let closed = value as? ClosedCandles {
            return text(Dictionary(uniqueKeysWithValues: closed.keys.map { ($0, closed[$0]) }))
        }
        let mirror = Mirror(reflecting: value)
        let type = String(describing: mirror.subjectType)
        switch mirror.displayStyle {
        case .dictionary, .set: return "[\(mirror.children.map { text($0.value) }.sorted().joined(separator: ", "))]"
        case .collection: return "[\(mirror.children.map { text($0.value) }.joined(separator: ", "))]"
        case .struct, .class:
            if mirror.children.isEmpty { return "\(value)" }
            let isOurs = String(reflecting: mirror.subjectType).hasPrefix("Candles.")
            let parts = mirror.children.map { child in
                let text = text(child.value)
                if isOurs { values["\(type).\(child.label ?? "")", default: []].insert(text) }
                return "\(child.label ?? ""): \(text)"
            }
            return "\(type)(\(parts.joined(separator: ", ")))"
        default:
            if mirror.children.isEmpty { return "\(value)" }
            return "\(mirror.children.map { "\($0.label ?? "") \(text($0.value))" })"
        }
    }
}
