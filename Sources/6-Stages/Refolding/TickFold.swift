internal import Aggregation
internal import Archive
internal import Candles
internal import Host
internal import MarketData
internal import Settings
internal import Streams
internal import Wire

/// The ticks of archive and journal, folded once more as the aggregator folds them: with all timeframes of the
/// configuration, since what a candle forgets depends on the largest one.
struct TickFold {
    private let ticks: ArchivedStream
    private let task: RefoldTask
    private var builder: CandleBuilder
    private(set) var beginning: FoldBeginning
    /// Until the beginning is settled.
    private var held: [CandleRecord] = []

    /// Records that were folded, and those that there were at the start.
    private(set) var folded: UInt64 = 0
    let total: UInt64
    /// Ticks among them.
    var tickCount: UInt64 { builder.counters.ticks }
    var feedTime: UTCNanos { builder.feedTime }

    /// - Throws: `JournalError`.
    init(_ task: RefoldTask, _ paths: Paths, _ configuration: Configuration) throws {
        self.task = task
        ticks = try ArchivedStream(.ticks, paths)
        let last = try JournalTail.lastPosition(TickEnvelope.self, folder: paths.journal(.ticks))
        total = last >= ticks.nextPosition ? last - ticks.nextPosition + 1 : 0
        var options = CandleBuilder.Options(configuration)
        options.timeframes = Set(options.timeframes).union(task.timeframes).sorted()
        builder = CandleBuilder(options: options)
        beginning = FoldBeginning(at: ticks.nextPosition)
    }

    /// Before this moment smaller candles are what larger ones can be made of.
    /// - Returns: `nil`: there is no tick.
    var ticksSince: UTCNanos? { beginning.first.map { max($0, beginning.since) } }

    /// Folds the next records.
    /// - Parameter emit: takes the candles that are wanted.
    /// - Returns: false at the present end.
    mutating func advance(_ emit: (CandleRecord) throws -> Void) throws -> Bool {
        var (builder, beginning) = (builder, beginning)
        self.builder = CandleBuilder(options: CandleBuilder.Options())
        let count = try ticks.readBytes { bytes in
            if beginning.first != nil, beginning.isSettled { return builder.fold(bytes) }
            for offset in stride(from: 0, to: bytes.count, by: TickEnvelope.byteCount) {
                let record = bytes.loadUnaligned(fromByteOffset: offset, as: TickEnvelope.self)
                builder.fold(record)
                beginning.note(record, feedTime: builder.feedTime)
            }
        }
        folded += UInt64(count)
        held += builder.output.compactMap(\.candle).filter { task.wants($0.series, $0.start.seconds) }
        builder.output.removeAll(keepingCapacity: true)
        (self.builder, self.beginning) = (builder, beginning)
        if beginning.isSettled {
            for candle in held where candle.start >= beginning.since { try emit(candle) }
            held.removeAll(keepingCapacity: true)
        }
        return count > 0
    }
}
