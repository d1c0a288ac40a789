import ArgumentParser
import Foundation
import Host
import MarketData
import Streams
import Wire

/// Records into a journal, in bursts.
struct AppendJournal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Appends ticks to a journal, in bursts.")

    @Argument(help: "A folder for the journal; what is written there is removed.") var folder: String
    @Option var count = 5_000_000
    @Option(help: "Records a write.") var burst = 64

    func run() throws {
        let path = "\(folder)/bench-journal-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = try JournalWriter(
            folder: path, recordSize: TickEnvelope.byteCount, settings: JournalSettings(), logger: logger)
        try append(count / 10, to: journal)
        let seconds = try measure { try append(count, to: journal) }
        try report(Throughput(count: count, seconds: seconds))
    }

    private func append(_ count: Int, to journal: JournalWriter) throws {
        let pair = Pair.crosses[0]
        var left = count
        while left > 0 {
            for _ in 0..<min(left, burst) {
                if journal.needsFlush { try journal.flush() }
                let time = UTCNanos(rawValue: 1_778_544_000_000_000_000 + Int64(left))
                journal.append(
                    TickRecord(
                        pair, brokerTime: time, receiveTime: time, bid: Price(rawValue: 1_100_000_000),
                        ask: Price(rawValue: 1_100_080_000)))
            }
            try journal.flush()
            left -= min(left, burst)
        }
    }
}
