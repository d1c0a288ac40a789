import Host
import MarketData
import Store
import Wire

/// A store in memory that says what was asked of it, and may fail.
final class StoreDouble: CandleWriter {
    struct DiskFull: Error {}

    private(set) var batches: [[CandleEnvelope]] = []
    /// Positions of each batch, by collector and stream.
    private(set) var written: [Collector: [Wire.Stream: [[UInt64]]]] = [:]
    private(set) var tasks: [MaintenanceTask] = []
    private(set) var forgotten: [UTCNanos] = []
    private var positions: [Collector: [Wire.Stream: UInt64]] = [:]
    var isFull = false
    /// Collectors that another process writes.
    var taken: Set<Collector> = []

    private(set) var claims: [Collector: Int] = [:]

    func claim(_ collector: Collector, origin: String) throws {
        claims[collector, default: 0] += 1
        if taken.contains(collector) { throw Failure(.temporary, "another process writes collector \(collector)") }
    }

    func position(of stream: Wire.Stream, collector: Collector) -> UInt64 { positions[collector]?[stream] ?? 0 }

    func write(
        _ records: [CandleEnvelope], collector: Collector, stream: Wire.Stream, position: UInt64, now: UTCNanos
    ) throws -> [CandleRecord] {
        if isFull { throw DiskFull() }
        if taken.contains(collector) { throw Failure(.temporary, "another process writes collector \(collector)") }
        batches.append(records)
        written[collector, default: [:]][stream, default: []].append(records.map(\.position))
        positions[collector, default: [:]][stream] = position
        return records.compactMap(\.candle)
    }

    func forget(before moment: UTCNanos, progressed: () -> Void) -> Int {
        forgotten.append(moment)
        return 0
    }

    func perform(_ task: MaintenanceTask, progressed: () -> Void) -> String {
        tasks.append(task)
        return "done"
    }

    func close() {}
}
