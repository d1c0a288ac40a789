public import MarketData
public import Reports

/// How far a refold is.
public enum RefoldProgress: Hashable, Sendable {
    /// - Parameters:
    ///   - records: of the ticks stream that are folded, of so many.
    ///   - at: the feed's time there.
    ///   - nanos: since the start.
    case folding(records: UInt64, of: UInt64, at: UTCNanos, candles: Int, nanos: Int64)
    case deriving(Pair, Timeframe, at: UTCSeconds, candles: Int)
    case storing(left: UInt64, candles: Int)

    /// For a person, in one line.
    public var text: String {
        switch self {
        case .folding(let records, let total, let time, let candles, let nanos):
            let part = total > 0 ? Double(records) / Double(total) : 1
            let left = part > 0 ? Double(nanos) / 1e9 * (1 / part - 1) : 0
            let counts = "\(grouped(Int(records))) of \(grouped(Int(total))) records folded"
            return
                "\(counts), \(time.text().prefix(16)), \(counted(candles, "candle")), \(Int(left.rounded(.up))) s left"
        case .deriving(let pair, let timeframe, let time, let candles):
            return "\(pair) \(timeframe) from smaller candles, \(time.text().prefix(10)), \(counted(candles, "candle"))"
        case .storing(let left, let candles):
            return "\(counted(candles, "candle")) made, \(grouped(Int(left))) still to be stored"
        }
    }
}

/// What a refold made.
public struct RefoldSummary: Report, Encodable {
    public let timeframes: [Timeframe]
    /// Records of the ticks stream that were folded, and the ticks among them that counted.
    public internal(set) var records: UInt64 = 0
    public internal(set) var ticks: UInt64 = 0
    /// Since when candles are made of ticks; `nil` without any.
    public internal(set) var ticksSince: UTCSeconds?
    /// Candles out of ticks, every revision.
    public internal(set) var streamed = 0
    /// Candles out of smaller ones.
    public internal(set) var derived = 0
    /// Intervals from before the ticks of which a smaller candle is missing.
    public internal(set) var lacking: [Timeframe: Int] = [:]
    /// Of the `refold` stream.
    public internal(set) var lastPosition: UInt64 = 0
    /// The database has all of them.
    public var isStored = false

    init(_ task: RefoldTask) { timeframes = task.timeframes }

    public func text(_ style: TextStyle) -> String {
        let names = timeframes.map(\.description).joined(separator: ", ")
        var lines = ["\(names): \(counted(streamed, "candle")) out of \(counted(Int(ticks), "tick"))"]
        if let ticksSince { lines[0] += " since \(ticksSince.text().prefix(16)) UTC" }
        lines[0] += ", \(grouped(derived)) out of smaller candles"
        for (timeframe, count) in lacking.sorted(by: { $0.key < $1.key }) {
            lines.append("\(counted(count, "interval")) of \(timeframe) cannot be made: a smaller candle is missing")
        }
        lines.append(isStored ? "all are stored" : "they are stored once store-writer runs")
        return lines.joined(separator: "\n") + "\n"
    }

    private enum CodingKeys: String, CodingKey {
        case timeframes, records, ticks, ticksSince, candles, derived, lacking, stored
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(timeframes.map(\.description), forKey: .timeframes)
        try values.encode(records, forKey: .records)
        try values.encode(ticks, forKey: .ticks)
        try values.encode(ticksSince?.rawValue, forKey: .ticksSince)
        try values.encode(streamed, forKey: .candles)
        try values.encode(derived, forKey: .derived)
        let lacking = Dictionary(uniqueKeysWithValues: lacking.map { ($0.key.description, $0.value) })
        try values.encode(lacking, forKey: .lacking)
        try values.encode(isStored, forKey: .stored)
    }
}
