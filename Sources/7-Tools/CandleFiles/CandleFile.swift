internal import FoundationEssentials
internal import Host
public import MarketData
internal import SwiftCSV
public import Wire

/// Candles of a CSV file, read and checked as a whole: a file with one bad row gives none.
///
/// The first row names the columns, in any order: `timestamp` (Unix seconds) or `time` (ISO 8601, UTC); `bid_open …
/// bid_close` and `ask_open … ask_close`, or `open, high, low, close`, which stand for bid, ask and mid alike; `pair` and
/// `timeframe` unless they are given; and optionally `mid_open … mid_close`, `volume` or `tick_count`, and
/// `complete` (rows with 0 are left out). Others are passed over. What `CandleExport` writes is read.
public struct CandleFile {
    /// In the file's order, without positions.
    public private(set) var candles: [CandleRecord] = []
    /// Rows of partial candles, which are left out.
    public private(set) var partial = 0

    /// 2000-01-01: what is older is a time in the wrong unit.
    private static let oldest = UTCSeconds(rawValue: 946_684_800)

    /// The line of each candle's interval.
    private var lines: [Interval: Int] = [:]

    /// - Parameters:
    ///   - pair: of all rows, if the file lacks this column.
    ///   - timeframe: the same.
    ///   - end: what has not ended by then cannot be known.
    /// - Throws: `Failure` (66) if the file is missing; (65) with the line and the reason.
    public init(path: String, pair: Pair?, timeframe: Timeframe?, endedBy end: UTCSeconds) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.missingInput, "\(path) cannot be read: does it exist?")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Failure(.badData, "\(path) is not UTF-8 text")
        }
        do {
            let csv = try EnumeratedCSV(string: text, loadColumns: false)
            let columns = try Columns(csv.header, pair: pair, timeframe: timeframe)
            for (index, row) in csv.rows.enumerated() {
                do {
                    if let candle = try columns.candle(row) {
                        try add(candle, line: index + 2, endedBy: end)
                    } else {
                        partial += 1
                    }
                } catch {
                    // The first row of data is the file's second.
                    throw Flaw("line \(index + 2): \(error.reason)")
                }
            }
        } catch let flaw as Flaw {
            throw Failure(.badData, "\(path): \(flaw.reason): nothing was imported")
        } catch let error as CSVParseError {
            throw Failure(.badData, "\(path) is not a CSV file: \(error): nothing was imported")
        }
    }

    private mutating func add(_ candle: CandleRecord, line: Int, endedBy end: UTCSeconds) throws(Flaw) {
        let interval = Interval(candle.series, start: candle.start.seconds)
        guard interval.start >= CandleFile.oldest else {
            throw Flaw(
                "\(candle.start) is before 2000: timestamp must be in Unix seconds, such as 1778572800")
        }
        guard interval.end <= end else { throw Flaw("\(candle.start) has not ended yet") }
        if let former = lines.updateValue(line, forKey: interval) {
            throw Flaw("\(candle.series) at \(candle.start) is on line \(former) too")
        }
        candles.append(candle)
    }
}

/// The fault of a file.
private struct Flaw: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// The column of each value.
private struct Columns {
    private let places: [String: Int]
    private let pair: Pair?
    private let timeframe: Timeframe?
    private let hasSides: Bool

    private static let prices = ["open", "high", "low", "close"]

    init(_ head: [String], pair: Pair?, timeframe: Timeframe?) throws(Flaw) {
        var places: [String: Int] = [:]
        for (index, name) in head.enumerated() {
            let key = String(name.lowercased().filter { !$0.isWhitespace && $0 != "\u{FEFF}" })
            guard places.updateValue(index, forKey: key) == nil else { throw Flaw("two columns are named '\(key)'") }
        }
        func isThere(_ side: String) -> Bool { Columns.prices.allSatisfy { places[side + $0] != nil } }
        (self.places, self.pair, self.timeframe) = (places, pair, timeframe)
        hasSides = isThere("bid_") && isThere("ask_")
        guard hasSides || isThere("") else {
            throw Flaw("columns open, high, low and close are needed, or those of bid_ and ask_; found \(head)")
        }
        guard places["timestamp"] != nil || places["time"] != nil else {
            throw Flaw("a column timestamp or time is needed")
        }
        guard pair != nil || places["pair"] != nil else {
            throw Flaw("column pair is missing: name the pair by --pair")
        }
        guard timeframe != nil || places["timeframe"] != nil else {
            throw Flaw("column timeframe is missing: name the timeframe by --timeframe")
        }
    }

    /// - Returns: `nil` for a partial candle.
    func candle(_ row: [String]) throws(Flaw) -> CandleRecord? {
        if let complete = text("complete", row), complete == "0" || complete.lowercased() == "false" { return nil }
        let series = try series(row)
        let start = try start(row)
        guard series.timeframe.start(of: start) == start else {
            throw Flaw("\(start) is not the start of an interval of \(series.timeframe)")
        }
        let bid = try side(hasSides ? "bid_" : "", row)
        let ask = hasSides ? try side("ask_", row) : bid
        let mid = places["mid_open"] == nil ? OHLC.mid(bid: bid, ask: ask) : try side("mid_", row)
        var record = CandleRecord(
            series, start: start, bid: bid, ask: ask, mid: mid,
            source: .imported, inputStream: .history)
        record.tickCount = try ticks(row)
        return record
    }

    private func text(_ name: String, _ row: [String]) -> String? {
        guard let place = places[name], row.indices.contains(place) else { return nil }
        let text = row[place].drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
        return text.isEmpty ? nil : String(text)
    }

    private func series(_ row: [String]) throws(Flaw) -> Series {
        var (pair, timeframe) = (pair, timeframe)
        if pair == nil, let text = text("pair", row) {
            pair = Pair(text)
            if pair == nil { throw Flaw("'\(text)' is not a name such as EUR_USD or DE40") }
        }
        if timeframe == nil, let text = text("timeframe", row) {
            timeframe = Timeframe(text)
            if timeframe == nil { throw Flaw(Timeframe.refusal(of: text)) }
        }
        guard let pair, let timeframe else { throw Flaw("pair or timeframe is missing") }
        return Series(pair, timeframe)
    }

    private func start(_ row: [String]) throws(Flaw) -> UTCNanos {
        guard let text = text("timestamp", row) ?? text("time", row) else { throw Flaw("timestamp is missing") }
        // Data frames write times with an offset of zero.
        let utc = ["+00:00", "+0000"].first(where: text.hasSuffix).map { text.dropLast($0.count) } ?? text[...]
        guard let time = UTCNanos(text: utc) else {
            throw Flaw("'\(text)' is not a time: give Unix seconds, or ISO 8601 in UTC, such as 2026-11-23T14:10:00Z")
        }
        return time
    }

    private func side(_ prefix: String, _ row: [String]) throws(Flaw) -> OHLC {
        var prices: [Price] = []
        for part in Columns.prices {
            let text = text(prefix + part, row) ?? ""
            guard let price = Price(text), price.rawValue > 0 else {
                throw Flaw("\(prefix + part) '\(text)' is not a price")
            }
            prices.append(price)
        }
        let side = OHLC(open: prices[0], high: prices[1], low: prices[2], close: prices[3])
        guard side.isConsistent else { throw Flaw("\(prefix)low and \(prefix)high do not enclose open and close") }
        return side
    }

    private func ticks(_ row: [String]) throws(Flaw) -> UInt32 {
        guard let text = text("tick_count", row) ?? text("volume", row) else { return 0 }
        // Volumes come as `123.0` too.
        guard let number = Double(text), let count = UInt32(exactly: number.rounded(.down)) else {
            throw Flaw("volume '\(text)' is not a count")
        }
        return count
    }
}
