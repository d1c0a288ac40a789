internal import Host
public import MarketData
public import Store

/// Stored candles as files for another program. Partial candles are left out and counted.
public struct ForeignExport {
    /// Written.
    public private(set) var candles = 0
    /// Left out.
    public private(set) var partial = 0
    /// Written.
    public private(set) var files = 0

    private let reader: any CandleQueries
    private let format: ForeignFormat
    private let price: CandlePrice

    /// - Parameter price: `nil`: the format's usual one. Of no effect if the format has bid and ask.
    public init(_ reader: any CandleQueries, _ format: ForeignFormat, price: CandlePrice?) {
        (self.reader, self.format) = (reader, format)
        self.price = price ?? format.usualPrice ?? .mid
    }

    /// Writes a series as one text, oldest candle first.
    /// - Precondition: `format.isOneText`.
    /// - Parameters:
    ///   - range: of the intervals' starts.
    ///   - write: takes some thousand lines at a time; false ends it.
    /// - Throws: `StoreError`, and what `write` throws.
    public mutating func write(
        _ series: Series, in range: Range<UTCSeconds>, _ write: (String) throws -> Bool
    ) throws {
        let layout = format.layout(series, price)
        guard try write(layout.head) else { return }
        let former = candles
        let isWhole = try reader.forEachPart(of: series, in: range, .all) { part in
            var text = ""
            for candle in complete(part) {
                if candles > former { text += layout.separator }
                text += layout.row(candle)
                candles += 1
            }
            return try write(text)
        }
        if isWhole { _ = try write(layout.tail) }
    }

    /// Writes a series into a folder, under the names that the program expects. Without a complete candle no file is made.
    /// - Parameters:
    ///   - range: of the intervals' starts.
    ///   - replacing: whether files of these names may be replaced; a reader sees the former or the new one.
    /// - Throws: `Failure` (64) if a file is there already, (74); `StoreError`.
    public mutating func write(
        _ series: Series, in range: Range<UTCSeconds>, folder: String, replacing: Bool
    ) throws {
        let layout = format.layout(series, price)
        var file: ForeignFile?
        _ = try reader.forEachPart(of: series, in: range, .all) { part in
            for candle in complete(part) {
                let path = "\(folder)/\(layout.path(candle))"
                if let file, file.path == path {
                    try file.add(layout.separator)
                } else {
                    try close(file, layout)
                    file = try ForeignFile(path, entry: layout.entry(candle), replacing: replacing)
                    try file?.add(layout.head)
                }
                try file?.add(layout.row(candle))
                candles += 1
            }
            return true
        }
        try close(file, layout)
    }

    private mutating func close(_ file: ForeignFile?, _ layout: any CandleLayout) throws {
        guard let file else { return }
        try file.add(layout.tail)
        try file.publish()
        files += 1
    }

    private mutating func complete(_ part: [Candle]) -> [Candle] {
        let complete = part.filter(\.isComplete)
        partial += part.count - complete.count
        return complete
    }
}

/// A file in the making; a zip file's text is held until it is whole.
private final class ForeignFile {
    let path: String
    private let entry: String?
    private let file: NewFile
    private var text = ""

    /// - Parameter entry: the name of the text inside a zip file; `nil`: plain text.
    init(_ path: String, entry: String?, replacing: Bool) throws {
        (self.path, self.entry) = (path, entry)
        try makeFolder(parentFolder(of: path))
        file = try NewFile(path: path, replacing: replacing)
    }

    func add(_ more: String) throws {
        text += more
        if entry == nil, text.utf8.count > 1 << 16 { try flush() }
    }

    func publish() throws {
        if let entry {
            try file.write(try zipFile(of: Array(text.utf8), named: entry))
        } else {
            try flush()
        }
        try file.publish()
    }

    private func flush() throws {
        try file.write(text)
        text = ""
    }
}

extension CandleQueries {
    /// Reads a series in parts, oldest first.
    /// - Parameter body: takes candles, never none; false ends it.
    /// - Returns: false if `body` ended it.
    func forEachPart(
        of series: Series, in range: Range<UTCSeconds>, _ selection: CandleSelection, _ body: ([Candle]) throws -> Bool
    ) throws -> Bool {
        // So many intervals are read at once.
        let step = Duration.seconds(series.timeframe.seconds) * 20_000
        var start = range.lowerBound
        while start < range.upperBound {
            let part = start..<min(start + step, range.upperBound)
            start = part.upperBound
            let candles = try candles(series.pair, series.timeframe, in: part, selection)
            guard try candles.isEmpty || body(candles) else { return false }
        }
        return true
    }
}
