internal import Archive
public import Host
internal import MarketData
public import Reports
public import Wire

/// What the archive holds, by stream and month.
public struct ArchiveListing: Report {
    private let lines: [Line]

    fileprivate struct Line: Encodable {
        /// The folder: a stream, or `feed`.
        let folder: String
        /// Such as `2026-11`.
        let month: String
        var firstDate: String
        var lastDate: String
        var records = 0
        var bytes = 0
        var files = 0
    }

    /// - Throws: `Failure` (69) if nothing is archived, (65) if a manifest is damaged.
    public init(paths: Paths, stream: Stream?) throws {
        var lines: [String: Line] = [:]
        for stream in stream.map({ [$0] }) ?? Stream.journaled {
            for file in try ArchiveManifest(stream, paths).batches.flatMap(\.files) {
                let folder = String(file.path.prefix { $0 != "/" })
                let month = String(file.date.prefix(7))
                let new = Line(folder: folder, month: month, firstDate: file.date, lastDate: file.date)
                lines["\(folder)/\(month)", default: new].add(file)
            }
        }
        guard !lines.isEmpty else {
            throw Failure(
                .unavailable, "\(paths.archive) holds nothing: candlewick archive run moves closed segments there")
        }
        self.lines = lines.sorted { $0.key < $1.key }.map(\.value)
    }

    /// A list.
    public var json: String { encodedJSON(lines) + "\n" }

    public func text(_ style: TextStyle) -> String {
        let rows = lines.map {
            [
                $0.folder, $0.month, $0.firstDate, $0.lastDate, grouped($0.records), byteText(Int64($0.bytes)),
                ArchiveListing.bytesEach($0.bytes, $0.records), grouped($0.files),
            ]
        }
        let head = ["folder", "month", "first day", "last day", "records", "size", "bytes each", "files"]
        return TextTable(head: head, rows: rows, leftAligned: ["folder", "month", "first day", "last day"]).text(style)
    }

    static func bytesEach(_ bytes: Int, _ records: Int) -> String {
        guard records > 0 else { return "-" }
        let tenths = (bytes * 10 + records / 2) / records
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension ArchiveListing.Line {
    fileprivate mutating func add(_ file: ArchiveBatch.File) {
        (firstDate, lastDate) = (min(firstDate, file.date), max(lastDate, file.date))
        records += file.rows
        bytes += file.bytes
        files += 1
    }
}
