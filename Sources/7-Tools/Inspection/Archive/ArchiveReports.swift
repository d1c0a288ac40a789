internal import Archive
public import Host
public import MarketData
public import Reports
public import Wire

/// What runs of the archiver moved.
public struct ArchiveRunReport: Report {
    private let lines: [Line]

    private struct Line: Encodable {
        let collector: String
        let run: Archiver.Run
    }

    /// Archives the streams of collectors, one after the other; one that fails stops no other.
    /// - Parameter now: as `Archiver.run`.
    /// - Throws: as `Archiver.run`.
    public init(of collectors: [Collector], paths: Paths, dueAt now: UTCNanos?) throws {
        lines = try collectors.mapTryingAll { collector in
            try Archiver.run(paths.of(collector), dueAt: now).map { Line(collector: collector.name, run: $0) }
        }.flatMap { $0 }
    }

    /// A list.
    public var json: String { encodedJSON(lines) + "\n" }

    public func text(_ style: TextStyle) -> String {
        let moved = lines.filter { $0.run.batches > 0 }
        guard !moved.isEmpty else { return "nothing to archive\n" }
        let hasSeveral = Set(lines.map(\.collector)).count > 1
        return moved.map { line in
            let run = line.run
            let name = hasSeveral ? "\(line.collector): " : ""
            return """
                \(name)\(run.stream): \(counted(run.segments, "segment")) with \(counted(run.records, "record")), \
                \(byteText(Int64(run.journalBytes))), are now \(byteText(Int64(run.bytes))) in \
                \(counted(run.files, "file")) (\(ArchiveListing.bytesEach(run.bytes, run.records)) bytes each)

                """
        }.joined()
    }
}

/// The condition of an archive for a person.
public struct ArchiveCheckReport: Report {
    private let check: ArchiveCheck

    /// - Throws: `Failure` (69) if nothing is archived, (74).
    public init(paths: Paths, stream: Stream?) throws {
        check = try ArchiveCheck(paths, stream: stream)
        guard check.batches > 0 || isDamaged else {
            throw Failure(
                .unavailable, "\(paths.archive) holds nothing: candlewick archive run moves closed segments there")
        }
    }

    public var isDamaged: Bool { !check.damage.isEmpty }

    /// One object.
    public var json: String { encodedJSON(check) + "\n" }

    public func text(_ style: TextStyle) -> String {
        let damage = check.damage.map {
            style.painted("damaged", .bad) + "  \($0.path): \($0.reason)\n         it holds \($0.content)\n"
        }
        let unnamed = check.unnamed.map {
            style.painted("unknown", .warning) + "  \($0): no manifest names it, and nothing reads it\n"
        }
        let sum = """
            \(counted(check.files, "file")) with \
            \(counted(check.records, "record")), \(byteText(Int64(check.bytes))): \
            \(isDamaged ? "\(check.damage.count) damaged" : "sound")

            """
        return (damage + unnamed).joined() + sum
    }
}
