internal import Glibc
internal import Host
public import MarketData
internal import SwiftCSV

/// A candle that another program folded of the archive's ticks.
public struct FoldedCandle: Hashable, Sendable {
    public let interval: Interval
    /// All zero: no tick brought the side, or both.
    public let bid: OHLC
    public let ask: OHLC
    public let mid: OHLC
    public let tickCount: UInt32
    public let invertedTicks: UInt32
    /// The archive goes on behind the interval.
    public let isEnded: Bool
}

/// Candles of a CSV file, read some thousand rows at a time.
///
/// The first row names the columns, in any order: `pair`; `timeframe` (`5`, `5m`, `1h`); `timestamp` (Unix seconds);
/// `bid_open … bid_close`, and the same of `ask` and `mid`: decimals, empty if no tick brought the side; `tick_count`;
/// `inverted_ticks`; and optionally `ended` (0: the archive ends within the interval). Others are passed over. The rows of
/// a pair and timeframe stand together, oldest first.
public struct FoldedCandleFile {
    private let path: String
    private let lines: Lines
    private let head: String
    private let columns: FoldedColumns
    private var rows: ArraySlice<[String]> = []
    /// Of the row before.
    private var line = 1
    private var last: Interval?
    private var former: Set<Series> = []

    /// So many lines are read at once.
    private static let block = 4_096

    /// - Throws: `Failure` (66) if the file is missing, (65) if a column is.
    public init(path: String) throws {
        self.path = path
        guard let lines = Lines(path: path), let head = lines.next() else {
            throw Failure(.missingInput, "\(path) cannot be read: does it exist?")
        }
        (self.lines, self.head) = (lines, head)
        let names = try? EnumeratedCSV(string: head, delimiter: .comma, loadColumns: false).header
        columns = try FoldedColumns(names ?? [], path)
    }

    /// The next candle; `nil` at the end.
    /// - Throws: `Failure` (65) with the line and the reason.
    public mutating func next() throws -> FoldedCandle? {
        if rows.isEmpty { try readBlock() }
        guard let row = rows.popFirst() else { return nil }
        line += 1
        let candle: FoldedCandle
        do {
            candle = try columns.candle(row)
        } catch {
            throw Failure(.badData, "\(path): line \(line): \(error)")
        }
        try checkOrder(candle.interval)
        return candle
    }

    private mutating func readBlock() throws {
        var text = head
        for _ in 0..<FoldedCandleFile.block {
            guard let line = lines.next() else { break }
            text += line
        }
        do {
            rows = try EnumeratedCSV(string: text, delimiter: .comma, loadColumns: false).rows[...]
        } catch {
            throw Failure(.badData, "\(path) is not a CSV file: \(error), after line \(line)")
        }
    }

    private mutating func checkOrder(_ next: Interval) throws {
        defer { last = next }
        guard let last else { return }
        if last.series == next.series {
            if last.start < next.start { return }
        } else if former.insert(last.series).inserted, !former.contains(next.series) {
            return
        }
        throw Failure(
            .badData,
            "\(path): line \(line): \(next.series) \(next.start.text()) does not follow in order: "
                + "sort the rows by pair, timeframe and timestamp")
    }
}

/// The column of each value.
private struct FoldedColumns {
    private let places: [String: Int]

    private static let sides = ["bid", "ask", "mid"]
    private static let parts = ["open", "high", "low", "close"]

    init(_ head: [String], _ path: String) throws {
        places = Dictionary(head.enumerated().map { ($1, $0) }) { first, _ in first }
        let prices = FoldedColumns.sides.flatMap { side in FoldedColumns.parts.map { "\(side)_\($0)" } }
        for name in ["pair", "timeframe", "timestamp"] + prices + ["tick_count", "inverted_ticks"]
        where places[name] == nil {
            throw Failure(.badData, "\(path): column \(name) is missing")
        }
    }

    func candle(_ row: [String]) throws(Flaw) -> FoldedCandle {
        let (pair, timeframe) = (text("pair", row), text("timeframe", row))
        guard let pair = Pair(pair) else { throw Flaw("'\(pair)' is not a name such as EUR_USD or DE40") }
        guard let timeframe = Timeframe(timeframe) else {
            throw Flaw(Timeframe.refusal(of: timeframe))
        }
        guard let seconds = Int64(text("timestamp", row)), (0..<7_258_118_400).contains(seconds) else {
            throw Flaw("timestamp '\(text("timestamp", row))' is not in Unix seconds")
        }
        return FoldedCandle(
            interval: Interval(Series(pair, timeframe), start: UTCSeconds(rawValue: seconds)),
            bid: try side("bid", row), ask: try side("ask", row), mid: try side("mid", row),
            tickCount: try count("tick_count", row), invertedTicks: try count("inverted_ticks", row),
            isEnded: text("ended", row) != "0")
    }

    private func text(_ name: String, _ row: [String]) -> String {
        guard let place = places[name], row.indices.contains(place) else { return "" }
        return row[place]
    }

    private func side(_ side: String, _ row: [String]) throws(Flaw) -> OHLC {
        var prices: [Price] = []
        for part in FoldedColumns.parts {
            let text = text("\(side)_\(part)", row)
            guard let units = text.isEmpty ? 0 : units(text) else {
                throw Flaw("\(side)_\(part) '\(text)' is not a decimal of at most 9 places")
            }
            prices.append(Price(rawValue: units))
        }
        return OHLC(open: prices[0], high: prices[1], low: prices[2], close: prices[3])
    }

    private func count(_ name: String, _ row: [String]) throws(Flaw) -> UInt32 {
        guard let count = UInt32(text(name, row)) else { throw Flaw("\(name) '\(text(name, row))' is not a count") }
        return count
    }

    /// Of a decimal, with `-` of a negative one. Mid has a place more than a price of the broker's may have.
    private func units(_ text: String) -> Int64? {
        let sign = text.hasPrefix("-") ? "-" : ""
        let parts = text.dropFirst(sign.count).split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let places = parts.count == 2 ? parts[1] : ""
        let digits = parts[0] + places
        guard places.utf8.count <= 9, !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int64(sign + digits + String(repeating: "0", count: 9 - places.utf8.count))
    }
}

/// The fault of a row.
private struct Flaw: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The lines of a file, with their ends.
private final class Lines {
    private let file: UnsafeMutablePointer<FILE>
    private var buffer: UnsafeMutablePointer<CChar>?
    private var capacity = 0

    init?(path: String) {
        guard let file = fopen(path, "r") else { return nil }
        self.file = file
    }

    deinit {
        fclose(file)
        free(buffer)
    }

    func next() -> String? {
        let count = getline(&buffer, &capacity, file)
        guard count > 0, let buffer else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: buffer, count: count), as: UTF8.self)
    }
}
