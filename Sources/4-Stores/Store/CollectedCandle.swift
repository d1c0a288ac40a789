public import Wire

/// A stored candle as the record that it was made of, without its position, and whose stream brought it.
public struct CollectedCandle: Hashable, Sendable {
    public let record: CandleRecord
    public let collector: Collector

    public init(_ record: CandleRecord, collector: Collector) { (self.record, self.collector) = (record, collector) }

    public static func == (a: Self, b: Self) -> Bool { a.collector == b.collector && a.record.bytes == b.record.bytes }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(collector)
        hasher.combine(record.bytes)
    }
}
