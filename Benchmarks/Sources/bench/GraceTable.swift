import ArgumentParser
import Candles
import Foundation
import Host
import MarketData
import TLCP
import Wire

/// Which share of candles needs a revision, and how late candles close: by closing rule, grace and clocks, over real
/// ticks that a modelled line delivers.
struct GraceTable: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grace", abstract: "Counts revised candles by closing rule and grace.")

    /// What is measured. All times are in ns.
    private struct Result: Encodable {
        var seed: UInt64
        var longestDelay: Int64
        var ticks: Int
        var rows: [GraceRow]
    }

    @Argument(help: "Tick files, CSV or gzip CSV, named SOURCE_PAIR_….") var files: [String]
    @Option(help: "Of the delays.") var seed: UInt64 = 1
    @Option(help: "The longest delay of an update on its way, ms.") var delay: Int64 = 500
    @Option(help: "The graces, ms.") var graces = "0,50,100,250,500,1000,2000"

    func validate() throws {
        guard delay >= 0, graceList.allSatisfy({ $0 >= 0 }), !graceList.isEmpty else {
            throw ValidationError("delay and graces are whole numbers of at least 0")
        }
    }

    private var graceList: [Int64] { graces.split(separator: ",").map { Int64($0) ?? -1 } }

    func run() throws {
        var random = Jitter(seed: seed)
        var settings: [GraceSetting] = []
        for (keepsOrder, predicts) in [(true, false), (true, true), (false, false), (false, true)] {
            for closesByNextTick in [true, false] {
                settings += graceList.map {
                    GraceSetting(
                        keepsOrder: keepsOrder, predicts: predicts, closesByNextTick: closesByNextTick,
                        grace: $0 * UTCNanos.perMillisecond)
                }
            }
        }
        var tallies = settings.map { _ in GraceTally() }
        let days = SharedDays.all(try files.sorted().map(TickSeries.init(path:)))
        for day in days {
            let delivered = Delivery(day, longestDelay: delay * UTCNanos.perMillisecond, &random)
            for keepsOrder in [true, false] {
                let records = delivered.records(keepsOrder: keepsOrder)
                for (index, setting) in settings.enumerated() where setting.keepsOrder == keepsOrder {
                    var fold = GraceFold(setting, day, tallies[index])
                    fold.take(records)
                    tallies[index] = fold.tally
                }
            }
        }
        try report(
            Result(
                seed: seed, longestDelay: delay * UTCNanos.perMillisecond, ticks: days.reduce(0) { $0 + $1.tickCount },
                rows: zip(settings, tallies).map { GraceRow(setting: $0, busy: $1.busy.row, quiet: $1.quiet.row) }))
    }
}

// MARK: The line

/// When the broker's updates arrive: our clock is behind the broker's, and each update has a delay of its own.
struct Delivery {
    /// What our clock shows less what the broker's shows.
    static let skew = -1_400 * UTCNanos.perMillisecond

    /// In the order of the broker's times for each pair; the receive time is the arrival without regard to that order.
    private var ticks: [[TickEnvelope]] = []
    private var heartbeats: [TickEnvelope] = []

    init(_ days: SharedDays, longestDelay: Int64, _ random: inout Jitter) {
        func arrival(_ time: Int64, _ random: inout Jitter) -> UTCNanos {
            UTCNanos(rawValue: time + Self.skew + Int64.random(in: 0...longestDelay, using: &random))
        }
        for series in days.series.values.sorted(by: { $0.pair < $1.pair }) {
            ticks.append(
                zip(series.times, series.quotes).map { time, quote in
                    TickRecord(
                        series.pair, brokerTime: UTCNanos(rawValue: time), receiveTime: arrival(time, &random),
                        bid: quote.bid, ask: quote.ask
                    ).envelope
                })
        }
        let first = days.span.lowerBound / UTCNanos.perSecond
        // On until the last intervals that ended are closed.
        for second in first...(days.span.upperBound / UTCNanos.perSecond + 10) {
            let time = second * UTCNanos.perSecond
            heartbeats.append(
                ClockRecord(UTCNanos(rawValue: time), receiveTime: arrival(time, &random)).envelope)
        }
    }

    /// All records by arrival.
    /// - Parameter keepsOrder: whether no tick overtakes one of its own pair: it waits for it.
    func records(keepsOrder: Bool) -> [TickEnvelope] {
        var all = heartbeats
        for pair in ticks {
            var latest = Int64.min
            for tick in pair.lazy.compactMap(\.tick) {
                latest = keepsOrder ? max(latest, tick.receiveTime.rawValue) : tick.receiveTime.rawValue
                all.append(
                    TickRecord(
                        tick.pair, brokerTime: tick.brokerTime, receiveTime: UTCNanos(rawValue: latest), bid: tick.bid,
                        ask: tick.ask
                    ).envelope)
            }
        }
        for index in all.indices { all[index].position = UInt64(index) }
        all.sort { ($0.receiveTime.rawValue, $0.position) < ($1.receiveTime.rawValue, $1.position) }
        return all
    }
}

/// The broker's clock, as it is known between its messages: by the smallest delay that was seen. It closes nothing until
/// something came that was sent after the interval's end.
struct PredictedClock {
    let grace: Int64
    /// The next end of an interval.
    private var end: Int64
    /// Our clock less the broker's, at most.
    private var offset = Int64.max
    /// The newest time that has come, by the broker's clock.
    private var proven = Int64.min

    private static let minute = 60 * UTCNanos.perSecond

    init(grace: Int64, from start: Int64) {
        self.grace = grace
        end = start / Self.minute * Self.minute + Self.minute
    }

    mutating func note(_ record: TickEnvelope) {
        offset = min(offset, record.receiveTime.rawValue - record.brokerTime.rawValue)
        proven = max(proven, record.brokerTime.rawValue)
    }

    /// The clock that passes an interval's end and the grace before `arrival`, if any.
    mutating func next(before arrival: Int64, after last: Int64) -> TickEnvelope? {
        let time = end + grace
        guard proven >= end, time + offset <= arrival else { return nil }
        end += Self.minute
        return ClockRecord(
            UTCNanos(rawValue: time), receiveTime: UTCNanos(rawValue: max(last, time + offset))
        ).envelope
    }
}

// MARK: Candles

struct GraceSetting: Encodable {
    var keepsOrder: Bool
    var predicts: Bool
    var closesByNextTick: Bool
    var grace: Int64
}

struct GraceRow: Encodable {
    struct Part: Encodable {
        var candles, revised: Int
        /// From the interval's end by the broker's clock until the record arrived that closed the candle.
        var p50, p99, worst: Int64
    }

    var setting: GraceSetting
    /// Of candles whose pair has a tick within a second of their end, and of the others.
    var busy, quiet: Part
}

struct GraceTally {
    struct Part {
        var revised = 0
        var delays: [Int64] = []

        var row: GraceRow.Part {
            let sorted = delays.sorted()
            func percentile(_ percent: Int) -> Int64 { sorted.isEmpty ? 0 : sorted[(sorted.count - 1) * percent / 100] }
            return GraceRow.Part(
                candles: sorted.count, revised: revised, p50: percentile(50), p99: percentile(99),
                worst: percentile(100))
        }
    }

    var busy = Part()
    var quiet = Part()

    mutating func count(_ candle: CandleRecord, _ series: TickSeries?, arrival: Int64) {
        let end = candle.start.rawValue + candle.timeframe.nanos
        let part = series?.isBusy(at: end) == true ? \GraceTally.busy : \GraceTally.quiet
        switch candle.revision {
        case 1: self[keyPath: part].delays.append(arrival - Delivery.skew - end)
        case 2: self[keyPath: part].revised += 1
        default: break
        }
    }
}

/// One setting over one stream.
struct GraceFold {
    private(set) var tally: GraceTally
    private let days: SharedDays
    private let predicted: PredictedClock?
    private var builder: CandleBuilder
    private var position: UInt64 = 0

    init(_ setting: GraceSetting, _ days: SharedDays, _ tally: GraceTally) {
        var options = CandleBuilder.Options()
        options.timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
        options.closesByNextTick = setting.closesByNextTick
        options.grace = .nanoseconds(setting.grace)
        builder = CandleBuilder(options: options)
        predicted = setting.predicts ? PredictedClock(grace: setting.grace, from: days.span.lowerBound) : nil
        (self.days, self.tally) = (days, tally)
    }

    mutating func take(_ records: [TickEnvelope]) {
        let zero = UTCNanos(rawValue: 0)
        for event in [FeedEvent.blindBegan(since: zero), .blindEnded(from: zero, until: zero)] {
            fold(FeedRecord(event, brokerTime: zero, receiveTime: zero).envelope)
        }
        var predicted = predicted
        var last = Int64.min
        for record in records {
            let arrival = record.receiveTime.rawValue
            while let clock = predicted?.next(before: arrival, after: last) { fold(clock) }
            fold(record)
            predicted?.note(record)
            last = arrival
        }
    }

    private mutating func fold(_ record: TickEnvelope) {
        var record = record
        position += 1
        record.position = position
        builder.fold(record)
        if builder.output.isEmpty { return }
        for candle in builder.output.lazy.compactMap(\.candle) {
            tally.count(candle, days.series[candle.pair], arrival: record.receiveTime.rawValue)
        }
        builder.output.removeAll(keepingCapacity: true)
    }
}
