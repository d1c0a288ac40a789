internal import MarketData
public import Reports
public import Store
internal import Wire

/// The content of the database, by pair and timeframe and by source.
public struct DatabaseReport: Report, Encodable {
    private struct Line: Encodable {
        let pair: String
        let timeframe: String
        let count: Int
        let complete: Int
        let oldest: UTCSeconds
        let newest: UTCSeconds
        let sources: [String: Int]
    }

    private let path: String
    private let bytes: Int64
    /// `nil` if the engine does not say.
    private let freeBytes: Int64?
    private let candles: [Line]

    /// - Throws: `StoreError`.
    public init(_ reader: any CandleQueries) throws {
        path = reader.path
        let size = try reader.size()
        (bytes, freeBytes) = (size.total, size.free)
        candles = try reader.statistics().map { line in
            Line(
                pair: line.series.pair.description, timeframe: line.series.timeframe.description, count: line.count,
                complete: line.complete, oldest: line.oldest, newest: line.newest,
                sources: Dictionary(uniqueKeysWithValues: line.bySource.map { ($0.key.name, $0.value) }))
        }
    }

    public func text(_ style: TextStyle) -> String {
        let sources = CandleSource.known.map(\.name)
        let rows = candles.map { line in
            [line.pair, line.timeframe, String(line.count), String(line.count - line.complete)]
                + sources.map { String(line.sources[$0] ?? 0) }
                + [line.oldest, line.newest].map { String($0.text().prefix(16)) }
        }
        let head = ["pair", "timeframe", "candles", "partial"] + sources + ["oldest (UTC)", "newest"]
        let total = candles.reduce(0) { $0 + $1.count }
        let table = TextTable(head: head, rows: rows, leftAligned: ["pair"]).text(style)
        let free = freeBytes.map { ", \(byteText($0)) of them free for new rows" } ?? ""
        return (rows.isEmpty ? "no candles yet\n" : table) + "\n\(total) candles, \(byteText(bytes))\(free)\n\(path)\n"
    }
}
