public import Store
internal import Reports
internal import FoundationEssentials
public import MarketData
internal import Wire

/// Candles as text: a table for people, CSV or JSON for programs.
public struct CandleTable {
    public enum Format: String, CaseIterable, Sendable { case table, csv, json }
    /// Which prices are shown.
    public enum Side: String, CaseIterable, Sendable { case mid, bid, ask, all }

    private let candles: [Candle]
    /// The last one of `candles` that is not over yet.
    private let forming: Candle?
    private let pair: Pair
    private let timeframe: Timeframe
    private let sides: [(name: String, prices: (Candle) -> OHLC)]

    /// Whether the table names who saw each candle.
    private let hasSeveral: Bool

    /// - Parameters:
    ///   - forming: the candle of the present interval, if it is to be shown after the others.
    ///   - hasSeveral: there are several collectors.
    public init(
        _ candles: [Candle], forming: Candle? = nil, pair: Pair, timeframe: Timeframe, side: Side,
        hasSeveral: Bool = false
    ) {
        self.hasSeveral = hasSeveral
        self.candles = candles + (forming.map { [$0] } ?? [])
        self.forming = forming
        self.pair = pair
        self.timeframe = timeframe
        let all: [(Side, (Candle) -> OHLC)] = [(.bid, \.bid), (.ask, \.ask), (.mid, \.mid)]
        sides = all.filter { side == .all || $0.0 == side }.map { ($0.0.rawValue, $0.1) }
    }

    public func text(_ format: Format) -> String {
        switch format {
        case .table: table()
        case .csv: csv()
        case .json: json()
        }
    }

    private var columns: [String] {
        let prices = ["open", "high", "low", "close"]
        return sides.flatMap { side in prices.map { sides.count == 1 ? $0 : "\(side.name)_\($0)" } }
    }

    private func prices(_ candle: Candle, decimals: Int) -> [String] {
        sides.map { $0.prices(candle) }.flatMap { [$0.open, $0.high, $0.low, $0.close] }
            .map { $0.formatted(decimals: decimals) }
    }

    private func table() -> String {
        let head = ["time (UTC)"] + columns + ["ticks", "source"] + (hasSeveral ? ["collector"] : []) + ["note"]
        let rows = candles.map { candle in
            [UTCSeconds(rawValue: candle.timestamp).text()] + prices(candle, decimals: decimals)
                + [String(candle.tickCount), candle.source.name] + (hasSeveral ? [name(candle)] : [])
                + [note(candle)]
        }
        return TextTable(head: head, rows: rows, leftAligned: ["time (UTC)", "source", "collector", "note"]).text
    }

    /// As many decimals as the finest price needs, so that a column's points stand below each other.
    private var decimals: Int {
        let shown = candles.flatMap { candle in prices(candle, decimals: 0) }
        return shown.map { text in text.firstIndex(of: ".").map { text.distance(from: $0, to: text.endIndex) - 1 } ?? 0
        }
        .max() ?? 0
    }

    private func note(_ candle: Candle) -> String {
        var notes: [String] = []
        if candle.blindMilliseconds > 0 { notes.append("blind \(candle.blindMilliseconds) ms") }
        if candle.lostUpdates > 0 { notes.append("lost \(candle.lostUpdates)") }
        if !candle.isComplete, notes.isEmpty { notes.append("partial") }
        if isForming(candle) { notes.append("forming") }
        if candle.revision > 1 { notes.append("revision \(candle.revision)") }
        return notes.joined(separator: ", ")
    }

    private func name(_ candle: Candle) -> String { candle.collector?.name ?? "" }

    private func isForming(_ candle: Candle) -> Bool { candle == forming }

    /// What is not over is not complete.
    private func isComplete(_ candle: Candle) -> Bool { candle.isComplete && !isForming(candle) }

    private func csv() -> String {
        let head =
            ["timestamp"] + columns + ["ticks", "complete", "blind_ms", "lost", "revision", "source", "collector"]
        let rows = candles.map { candle in
            [String(candle.timestamp)] + prices(candle, decimals: 0) + [
                String(candle.tickCount), isComplete(candle) ? "1" : "0", String(candle.blindMilliseconds),
                String(candle.lostUpdates), String(candle.revision), candle.source.name, name(candle),
            ]
        }
        return ([head] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
    }

    /// A candle with its prices as numbers, exactly as they are.
    private struct Row: Encodable {
        let fixed: Fixed
        let prices: [(name: String, value: Decimal)]

        struct Fixed: Encodable {
            let pair: String
            let timeframe: String
            let timestamp: Int64
            let ticks: Int
            let complete: Bool
            let blind_ms: Int
            let lost: Int
            let revision: Int
            let source: String
            let collector: String?
        }

        struct Name: CodingKey {
            let stringValue: String
            init(stringValue: String) { self.stringValue = stringValue }
            var intValue: Int? { nil }
            init?(intValue: Int) { nil }
        }

        func encode(to encoder: any Encoder) throws {
            try fixed.encode(to: encoder)
            var object = encoder.container(keyedBy: Name.self)
            for (name, value) in prices { try object.encode(value, forKey: Name(stringValue: name)) }
        }
    }

    private func json() -> String {
        let rows = candles.map { candle in
            let fixed = Row.Fixed(
                pair: "\(pair)", timeframe: "\(timeframe.minutes)", timestamp: candle.timestamp,
                ticks: candle.tickCount, complete: isComplete(candle), blind_ms: candle.blindMilliseconds,
                lost: candle.lostUpdates, revision: candle.revision, source: candle.source.name,
                collector: candle.collector?.name)
            let prices = zip(columns, prices(candle, decimals: 0)).compactMap { name, text in
                Decimal(string: text).map { (name, $0) }
            }
            return encodedJSON(Row(fixed: fixed, prices: prices))
        }
        return rows.isEmpty ? "[]\n" : "[\n  " + rows.joined(separator: ",\n  ") + "\n]\n"
    }
}
