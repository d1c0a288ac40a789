internal import Archive
internal import Host
internal import MarketData
internal import Streams
internal import Wire

/// A stream from a record on to its present end, out of archive and journal.
struct StreamScan<Record: StreamEnvelope> {
    private let source: ArchivedStream
    private let stop: StopSignal?

    /// - Parameters:
    ///   - position: the first that is wanted; `nil`: the oldest.
    ///   - narrowing: what of the stream is wanted; more may come.
    ///   - stop: ends the reading with a `Failure` (75).
    /// - Throws: `JournalError`.
    init(
        _ type: Record.Type, _ stream: Stream, _ paths: Paths, from position: UInt64? = nil,
        only narrowing: ArchivedStream.Narrowing? = nil, stop: StopSignal? = nil
    ) throws {
        self.stop = stop
        source = try ArchivedStream(stream, paths, from: position, narrowing: narrowing)
    }

    /// The oldest position that archive or journal may still hold.
    var oldest: UInt64 { source.nextPosition }

    /// Hands out each record once, in order.
    /// - Parameter batchEnded: called after each some thousand records.
    func forEach(_ body: (Record) throws -> Void, batchEnded: () throws -> Void = {}) throws {
        while try source.read(Record.self, body) > 0 {
            try batchEnded()
            if stop?.isRaised == true { throw Failure(.temporary, "stopped before all records were read") }
        }
    }
}

extension ArchivedStream.Narrowing {
    /// The ticks of some intervals.
    init(intervals: [(series: Series, start: UTCSeconds)]) {
        let ranges = intervals.map { series, start in
            (series.pair, [UTCNanos(seconds: start)..<UTCNanos(seconds: start + series.timeframe)])
        }
        self.init(intervals: Dictionary(ranges, uniquingKeysWith: +))
    }
}
