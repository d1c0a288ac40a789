public import Reports
public import Host
public import Logging
public import Streams
public import Wire

/// The condition of the journals for a person.
public struct JournalReport: Report {
    private let checks: [(stream: Stream, check: JournalCheck)]

    /// Reads one journal, or all that are there.
    /// - Throws: `Failure` (69) if it is missing; `JournalError`.
    public init(paths: Paths, stream: Stream?) throws {
        checks = try (stream.map { [$0] } ?? Stream.journaled).compactMap { stream in
            let check = try JournalCheck(folder: paths.journal(stream), recordSize: stream.recordSize)
            return check.segments.isEmpty && check.lostAtEnd == 0 ? nil : (stream, check)
        }
        guard !checks.isEmpty else { throw Self.absent(stream, paths) }
    }

    private static func absent(_ stream: Stream?, _ paths: Paths) -> Failure {
        let name = stream.map { "\($0.rawValue) " } ?? ""
        return Failure(
            .unavailable,
            "\(paths.collectorState)/journal holds no \(name)journal (CANDLEWICK_STATE_DIR names another state folder)")
    }

    public var isDamaged: Bool { checks.contains { $0.check.isDamaged } }

    private struct Line: Encodable {
        let journal: String
        let firstPosition: UInt64
        let records: Int
        let damaged: Int
        let tailBytes: Int
        let jump: UInt64
        let isHeaderDamaged: Bool
        /// Why the file does not belong under its name, and what to do; empty if it does.
        let misplacement: String
        /// Of the journal's last segment: positions that were given behind its end, and whose records are lost.
        let lostAtEnd: UInt64
    }

    /// A list of segments.
    public var json: String {
        let lines = checks.flatMap { stream, check in
            check.segments.enumerated().map { index, segment in
                Line(
                    journal: stream.rawValue, firstPosition: segment.firstPosition, records: segment.records,
                    damaged: segment.damagedRecords, tailBytes: segment.tailBytes, jump: segment.jump,
                    isHeaderDamaged: segment.isHeaderDamaged, misplacement: segment.misplacement ?? "",
                    lostAtEnd: index == check.segments.count - 1 ? check.lostAtEnd : 0)
            }
        }
        return encodedJSON(lines) + "\n"
    }

    public func text(_ style: TextStyle) -> String {
        let rows = checks.flatMap { stream, check in
            check.segments.map { segment in
                [
                    stream.rawValue, String(segment.firstPosition), String(segment.records),
                    String(segment.damagedRecords), String(segment.tailBytes), String(segment.jump),
                    Self.header(of: segment),
                ]
            }
        }
        let head = ["journal", "first position", "records", "damaged", "tail", "jump", "header"]
        let table = TextTable(head: head, rows: rows, leftAligned: ["journal", "header"]).text(style)
        return ([table] + checks.flatMap { Self.notes($0, $1) }).joined()
    }

    private static func header(of segment: JournalCheck.SegmentCondition) -> String {
        if segment.misplacement != nil { return "misplaced" }
        return segment.isHeaderDamaged ? "damaged" : "sound"
    }

    /// The misplaced files and the state of the mark beside a journal's folder, a line each.
    private static func notes(_ stream: Stream, _ check: JournalCheck) -> [String] {
        var notes = check.segments.compactMap(\.misplacement).map { "\(stream.rawValue): \($0)\n" }
        if check.lostAtEnd > 0 {
            notes.append(
                """
                \(stream.rawValue): \(check.lostAtEnd) used positions lie behind the journal's end: their records are \
                lost, and the writer skips the positions at its next start

                """)
        }
        if check.isMarkDamaged {
            notes.append("\(stream.rawValue): the mark of the highest position cannot be read: the writer renews it\n")
        }
        return notes
    }

    /// Mends one journal, or all that are there.
    /// - Returns: what was done, a line each.
    /// - Throws: `Failure` (75) while the stage that writes it is at work, (69) if it is missing, (77) if it is
    ///   another user's; `JournalError`.
    public static func repair(
        paths: Paths, stream: Stream?, settings: JournalSettings, logger: Logger
    ) throws -> [String] {
        // Also reports a missing journal.
        _ = try JournalReport(paths: paths, stream: stream)
        return try (stream.map { [$0] } ?? Stream.journaled).flatMap { stream in
            try JournalCheck.repair(
                folder: paths.journal(stream), recordSize: stream.recordSize, settings: settings,
                logger: logger
            ).map { "\(stream.rawValue): \($0)" }
        }
    }
}
