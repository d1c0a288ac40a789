public import MarketData
internal import Wire

extension ArchivedStream {
    /// A part of a stream, so that the other files of the archive need not be read.
    ///
    /// Of `ticks`: ticks of some pairs or times alone. Records that are no ticks are handed out all the same, but not those
    /// of batches in which every record is of another time. Of other streams times alone count, by the starts: the files
    /// that have none of these are left out; from the others, as from the journal, all records are handed out.
    public struct Narrowing: Hashable, Sendable {
        /// `nil`: all.
        let pairs: Set<Pair>?
        /// `nil`: all.
        let times: Range<UTCNanos>?
        /// Of each pair these alone; `nil`: as `pairs` and `times` say.
        let intervals: [Pair: [Range<UTCNanos>]]?

        /// - Parameters:
        ///   - pairs: `nil`: all.
        ///   - times: by the broker's time, or the start; `nil`: all.
        public init(pairs: Set<Pair>? = nil, times: Range<UTCNanos>? = nil) {
            (self.pairs, self.times, intervals) = (pairs, times, nil)
        }

        /// - Parameter intervals: the ticks of each pair that are wanted, by the broker's time; at least one.
        public init(intervals: [Pair: [Range<UTCNanos>]]) {
            let all = intervals.values.joined()
            let (first, end) = (all.map(\.lowerBound).min() ?? .max, all.map(\.upperBound).max() ?? .max)
            (pairs, times, self.intervals) = (Set(intervals.keys), first..<end, intervals)
        }
    }
}

extension ArchivedStream.Narrowing {
    /// Whether a record is handed out.
    func wants(_ record: UnsafeRawBufferPointer) -> Bool {
        guard record.loadUnaligned(as: UInt32.self) == RecordKind.tick.rawValue else { return true }
        let tick = record.loadUnaligned(as: TickEnvelope.self)
        guard let intervals else {
            return (pairs?.contains(tick.pair) ?? true) && (times?.contains(tick.brokerTime) ?? true)
        }
        return intervals[tick.pair]?.contains { $0.contains(tick.brokerTime) } ?? false
    }

    /// Whether a file may hold such a record.
    func wants(_ file: ArchiveBatch.File, of stream: Stream) -> Bool {
        guard stream == .ticks else { return times?.reaches(file.firstTime, file.lastTime) ?? true }
        guard let name = file.pair, let bytes = RecordText.bytes(name, count: Pair.lengthMax) else { return true }
        guard let pairs else { return times?.reaches(file.firstTime, file.lastTime) ?? true }
        guard let pair = pairs.first(where: { $0.bytes == bytes }) else { return false }
        let ranges = intervals?[pair] ?? times.map { [$0] }
        return ranges?.contains { $0.reaches(file.firstTime, file.lastTime) } ?? true
    }

    /// Whether anything of a batch is wanted.
    func wants(_ batch: ArchiveBatch) -> Bool { times?.reaches(batch.firstTime, batch.lastTime) ?? true }
}

extension Range<UTCNanos> {
    /// Whether it has a moment from a first to a last one, ns. The last one is 0 where no record has a time.
    fileprivate func reaches(_ first: Int64, _ last: Int64) -> Bool {
        last <= 0 || last >= lowerBound.rawValue && first < upperBound.rawValue
    }
}
