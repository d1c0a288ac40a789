import ArgumentParser
import Candles
import Foundation
import Host
import MarketData
import Streams
import TLCP
import Wire

/// The input of all measurements: a day of a random walk, as the streaming server sends it, as records, as a journal
/// and as the candles that it folds into.
struct MakeData: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes the input of the measurements in a folder.")

    @Argument var folder: String
    @Option(help: "Ticks in all.") var ticks = 5_000_000
    @Option(help: "Pairs; beyond 28 they are invented.") var pairs = 28
    @Option(help: "Days over which the ticks are spread.") var days = 1
    @Flag(help: "Write the journal of ticks alone.") var journalOnly = false

    /// 2026-05-12, a Tuesday; ms.
    static let start: Int64 = 1_778_544_000_000

    func run() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let all = instruments(pairs)
        try Data((all.map(\.pair.description).joined(separator: "\n") + "\n").utf8)
            .write(to: URL(fileURLWithPath: "\(folder)/pairs.txt"))
        let lines = journalOnly ? nil : try Output("\(folder)/lines.txt")
        let records = try RecordFiles(folder: folder, journalOnly: journalOnly)
        var walk = Walk(pairs: pairs)
        let milliseconds = Int64(days) * 86_400_000
        var second = Self.start / 1_000 - 1
        for number in 0..<ticks {
            let time = Self.start + Int64(number) * milliseconds / Int64(ticks)
            while second < time / 1_000 {
                second += 1
                let beat = UTCNanos(seconds: UTCSeconds(rawValue: second))
                try records.append(ClockRecord(beat, receiveTime: beat))
            }
            let (pair, tick) = walk.step(time: time)
            lines?.write(tick.line(subscription: pair + 2))
            try records.append(tick.record(all[pair].pair))
        }
        let end = UTCNanos(seconds: UTCSeconds(rawValue: second + 3_600))
        try records.append(ClockRecord(end, receiveTime: end))
        try records.close()
        lines?.close()
    }
}

/// One change of a pair, with what it sends.
struct WalkTick {
    /// Units of 1e-9, and ms.
    let bid, ask, time: Int64
    let sendsBid, sendsAsk: Bool

    /// The update as a delta: what has not changed is not sent again.
    func line(subscription: Int) -> String {
        let values = "\(sendsBid ? decimal(bid) : "")|\(sendsAsk ? decimal(ask) : "")|\(time)"
        return "U,\(subscription),1,\(values)\r\n"
    }

    func record(_ pair: Pair) -> TickRecord {
        let moment = UTCNanos(rawValue: time * UTCNanos.perMillisecond)
        return TickRecord(
            pair, brokerTime: moment, receiveTime: moment, bid: Price(rawValue: bid), ask: Price(rawValue: ask))
    }

    /// With five decimals.
    private func decimal(_ units: Int64) -> String {
        let points = units / 10_000
        let fraction = String(points % 100_000)
        return "\(points / 100_000).\(String(repeating: "0", count: 5 - fraction.count))\(fraction)"
    }
}

/// Every pair's price moves by a few points at a time.
struct Walk {
    private struct Quote {
        var bid: Int64
        var ask: Int64
    }

    private var quotes: [Quote]
    private var isKnown: [Bool]
    private var random = Jitter(seed: 1)

    /// A point, in units of 1e-9.
    private static let point: Int64 = 10_000

    init(pairs: Int) {
        quotes = (0..<Int64(pairs)).map {
            Quote(bid: 1_100_000_000 + $0 * 1_000_000, ask: 1_100_080_000 + $0 * 1_000_000)
        }
        isKnown = Array(repeating: false, count: pairs)
    }

    /// - Returns: the pair's number and its tick.
    mutating func step(time: Int64) -> (Int, WalkTick) {
        let dice = random.next()
        let pair = Int(dice % UInt64(quotes.count))
        let former = quotes[pair]
        let move = Int64(dice >> 32 % 7) - 3
        quotes[pair].bid += (dice >> 40) % 5 == 0 ? 0 : (move == 0 ? 1 : move) * Self.point
        // The spread stays between 2 and 12 points.
        quotes[pair].ask =
            (dice >> 48) % 5 == 0 && former.ask > quotes[pair].bid + 2 * Self.point
            ? former.ask : quotes[pair].bid + Int64(2 + (dice >> 52) % 11) * Self.point
        let quote = quotes[pair]
        let isFirst = !isKnown[pair]
        isKnown[pair] = true
        return (
            pair,
            WalkTick(
                bid: quote.bid, ask: quote.ask, time: time, sendsBid: isFirst || quote.bid != former.bid,
                sendsAsk: isFirst || quote.ask != former.ask)
        )
    }
}

/// The records in a journal and beside it, and the candles that they fold into.
final class RecordFiles {
    private let journal: JournalWriter
    /// `nil`: the journal alone is wanted.
    private let others: (ticks: Output, candles: Output)?
    private var builder = CandleBuilder(options: CandleBuilder.Options())
    private var position: UInt64 = 0
    private var candlePosition: UInt64 = 0

    init(folder: String, journalOnly: Bool) throws {
        var settings = JournalSettings()
        settings.retentionDays = 0
        journal = try JournalWriter(
            folder: "\(folder)/journal/ticks", recordSize: TickEnvelope.byteCount, settings: settings, logger: logger)
        others =
            journalOnly ? nil : (ticks: try Output("\(folder)/ticks.bin"), candles: try Output("\(folder)/candles.bin"))
    }

    func append<Record: StreamRecord>(_ tick: Record) throws where Record.Envelope == TickEnvelope {
        if journal.needsFlush { try journal.flush() }
        journal.append(tick)
        guard let others else { return }
        var record = tick.envelope
        position += 1
        record.seal(position: position)
        others.ticks.write(record)
        builder.fold(record)
        for candle in builder.output {
            var candle = candle
            candlePosition += 1
            candle.seal(position: candlePosition)
            others.candles.write(candle)
        }
        builder.output.removeAll(keepingCapacity: true)
    }

    func close() throws {
        try journal.close()
        others?.ticks.close()
        others?.candles.close()
    }
}

/// A new file, written through a buffer.
final class Output {
    private let file: UnsafeMutablePointer<FILE>

    init(_ path: String) throws {
        guard let opened = fopen(path, "w") else { throw Failure(.io, "\(path) cannot be written") }
        file = opened
    }

    func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    }

    func write(_ record: some StreamRecord) {
        withUnsafeBytes(of: record) { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    }

    func close() { fclose(file) }
}
