internal import MarketData
internal import Parquet
internal import Wire

/// Ticks as a Parquet file, with the columns of the archive and the pair. A missing side is 0, as its flag says.
/// Source: docs/formats.md § 10.
struct TickColumns: TickSheet {
    /// Of a row group.
    private static let fullRows = 1 << 17

    private let hasEvents: Bool
    private var writer: ParquetWriter
    private var pairs: [String] = []
    private var names: [Pair: String] = [:]
    private var (positions, brokerTimes, receiveTimes): ([Int64], [Int64], [Int64]) = ([], [], [])
    private var (bids, asks, flags): ([Int64], [Int64], [Int64]) = ([], [], [])
    private var events: [String] = []
    private var (firstDetails, secondDetails): ([Int64], [Int64]) = ([], [])

    init(hasEvents: Bool) {
        self.hasEvents = hasEvents
        var columns: [ParquetSchema.Column] = [
            .init("pair", .text), .init("position", .int64), .init("broker_time", .timestamp),
            .init("receive_time", .timestamp), .init("bid", .int64), .init("ask", .int64), .init("flags", .int32),
        ]
        if hasEvents { columns += [.init("event", .text), .init("detail_1", .int64), .init("detail_2", .int64)] }
        writer = ParquetWriter(schema: ParquetSchema(columns: columns, metadata: [.init("price_unit", "1e-9")]))
    }

    var isFull: Bool { positions.count >= Self.fullRows }

    mutating func add(_ record: TickEnvelope) {
        pairs.append(name(of: record.pair))
        positions.append(Int64(bitPattern: record.position))
        brokerTimes.append(record.brokerTime.rawValue)
        receiveTimes.append(record.receiveTime.rawValue)
        bids.append(record.tick?.bid.rawValue ?? 0)
        asks.append(record.tick?.ask.rawValue ?? 0)
        flags.append(Int64(Int32(bitPattern: record.tick?.flags.rawValue ?? 0)))
        guard hasEvents else { return }
        let event = record.feedEvent
        events.append(event?.name ?? "")
        firstDetails.append(event?.details.0 ?? 0)
        secondDetails.append(event?.details.1 ?? 0)
    }

    mutating func take() -> [UInt8] {
        var columns: [ParquetValues] = [
            .texts(pairs), .integers(positions), .integers(brokerTimes), .integers(receiveTimes), .integers(bids),
            .integers(asks), .integers(flags),
        ]
        if hasEvents { columns += [.texts(events), .integers(firstDetails), .integers(secondDetails)] }
        for column in [
            \Self.positions, \.brokerTimes, \.receiveTimes, \.bids, \.asks, \.flags, \.firstDetails, \.secondDetails,
        ] { self[keyPath: column].removeAll(keepingCapacity: true) }
        pairs.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        return writer.rowGroup(columns)
    }

    mutating func end() -> [UInt8] { writer.finish() }

    /// Empty: the whole feed.
    private mutating func name(of pair: Pair) -> String {
        if let name = names[pair] { return name }
        let name = pair.description
        names[pair] = name
        return name
    }
}
