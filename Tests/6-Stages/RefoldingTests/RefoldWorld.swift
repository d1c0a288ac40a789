import Aggregation
import Foundation
import Host
import Logging
import MarketData
import Refolding
import SQLiteStore
import Settings
import Store
import Streams
import TestKit
import Testing
import Wire

/// A collector whose ticks are in a journal, with a database that a writer fills as store-writer would.
final class RefoldWorld {
    let stages: StageWorld
    var configuration: Settings.Configuration
    /// The file of the configuration, if it has one.
    var file: String?

    static let minutes = [5, 15, 60, 240].map { Timeframe(minutes: $0)! }
    static let small = Array(minutes[..<2])
    static let large = Array(minutes[2...])

    init(_ timeframes: [Timeframe] = RefoldWorld.minutes) throws {
        stages = try StageWorld()
        configuration = stages.configuration
        configuration.timeframes = timeframes
    }

    var paths: Paths { stages.paths }

    func append(_ records: some Sequence<TickEnvelope>) throws {
        let writer = try stages.writer(.ticks)
        for record in records { try writer.append(record) }
        try writer.close()
    }

    /// An aggregator's life: it reads all ticks, and ends.
    func aggregate() throws {
        let clock = stages.clock
        let aggregator = try Aggregator(
            paths: paths, configuration: configuration, bus: stages.bus, service: try stages.service(),
            clock: clock.clock, logger: stages.logger)
        repeat { clock.advance(by: .milliseconds(100)) } while try aggregator.turn(milliseconds: 0, stop: -1) > 0
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
    }

    func refolding() throws -> Refolding {
        Refolding(
            paths: paths, configuration: configuration, file: file, bus: stages.bus, stop: try StopSignal(),
            clock: stages.clock.clock, logger: stages.logger)
    }

    @discardableResult
    func refold(
        _ timeframes: [Timeframe] = RefoldWorld.large, pairs: Set<Pair> = [], since: UTCSeconds? = nil
    ) throws -> RefoldSummary {
        try refolding().run(RefoldTask(timeframes: timeframes, pairs: pairs, since: since)) { _ in }
    }

    /// Brings what is new in these journals into the database.
    func store(_ streams: [Wire.Stream] = [.candles, .refold]) throws {
        let writer = try SQLiteWriter(path: paths.database)
        for stream in streams {
            let position = try writer.position(of: stream, collector: .main)
            let records = try self.records(stream, from: position + 1)
            guard let last = records.last else { continue }
            _ = try writer.write(
                records, collector: .main, stream: stream, position: last.position, now: UTCNanos(rawValue: 0))
        }
        try writer.close()
    }

    func records(_ stream: Wire.Stream, from position: UInt64 = 1) throws -> [CandleEnvelope] {
        let reader = try JournalReader(
            folder: paths.journal(stream), recordSize: CandleEnvelope.byteCount, from: position)
        var records: [CandleEnvelope] = []
        while try reader.read(CandleEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }

    /// All rows of these timeframes, but for when they were written.
    func rows(_ timeframes: [Timeframe] = RefoldWorld.minutes) throws -> [Interval: CandleRecord] {
        let reader = try SQLiteReader(path: paths.database)
        var rows: [Interval: CandleRecord] = [:]
        for series in try reader.series() where timeframes.contains(series.timeframe) {
            for var record in try reader.records(series) {
                record.publishTime = UTCNanos(rawValue: 0)
                record.seal(position: 0)
                rows[Interval(series, start: record.start.seconds)] = record
            }
        }
        return rows
    }
}

/// Whether two stores hold the same rows; says which differ.
func expectEqual(
    _ found: [Interval: CandleRecord], _ expected: [Interval: CandleRecord],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(!expected.isEmpty, sourceLocation: sourceLocation)
    let keys = Set(found.keys).union(expected.keys)
    let differing = keys.filter { key in
        guard let one = found[key], let other = expected[key] else { return true }
        return one.envelope.bytes != other.envelope.bytes
    }
    let first = differing.min { ($0.start, $0.series.timeframe) < ($1.start, $1.series.timeframe) }
    let detail = first.map { "\($0): \(String(describing: found[$0])), \(String(describing: expected[$0]))" } ?? ""
    #expect(differing.isEmpty, "\(differing.count) of \(keys.count) differ, \(detail)", sourceLocation: sourceLocation)
}
