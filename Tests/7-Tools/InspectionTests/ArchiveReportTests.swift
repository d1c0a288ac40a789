import Archive
import Glibc
import Host
@testable import Inspection
import MarketData
import Reports
import Settings
import Streams
import TestKit
import Testing
import Wire

@Suite struct ArchiveReportTests {
    let folder = TemporaryFolder()
    let paths: Paths

    init() throws { paths = try Paths(state: folder.path) }

    @Test func `a run says what it moved, the list what there is`() throws {
        #expect(throws: Failure.self) { try ArchiveListing(paths: paths, stream: nil) }
        #expect(throws: Failure.self) { try ArchiveCheckReport(paths: paths, stream: nil) }
        try paths.appendDays(20_420..<20_424)
        let run = try ArchiveRunReport(of: [.main], paths: paths, dueAt: nil).text(.plain)
        #expect(run.hasPrefix("ticks: 2 segments with 200 records, 12.9 kB, are now "), "\(run)")
        #expect(try ArchiveRunReport(of: [.main], paths: paths, dueAt: nil).text(.plain) == "nothing to archive\n")
        let list = try ArchiveListing(paths: paths, stream: nil).text(.plain).split(separator: "\n")
        #expect(list.count == 3)
        #expect(list[1].split(separator: " ").prefix(5) == ["ticks", "2025-11", "2025-11-28", "2025-11-30", "150"])
        let check = try ArchiveCheckReport(paths: paths, stream: .ticks)
        #expect(!check.isDamaged && check.text(.plain).hasSuffix(": sound\n"))
    }

    @Test func `a damaged file is shown with what it holds`() throws {
        try paths.appendDays(20_420..<20_424)
        _ = try Archiver.run(paths)
        let path =
            "\(paths.archive)/ticks/date=2025-11-28/pair=EUR_USD/part-\(String(repeating: "0", count: 19))1.parquet"
        unlink(path)
        let report = try ArchiveCheckReport(paths: paths, stream: nil)
        #expect(report.isDamaged)
        #expect(
            report.text(.plain).hasPrefix(
                """
                damaged  \(path): it is missing
                         it holds 50 records: EUR_USD of 2025-11-28, positions 1 to 50

                """), "\(report.text(.plain))")
    }

    private func findings(_ backlog: Archiver.Backlog?, now: UTCNanos) -> [String] {
        let collectors = Collectors(own: Configuration())
        let seen = Verdict.Observation(
            stages: [], stored: StoreSnapshot(collectors, now: now.seconds), collectors: collectors, now: now,
            free: nil,
            assumptions: [:], backlogs: backlog.map { [.main: $0] } ?? [:])
        return Verdict(seen).findings.filter { $0.check == "archive" }.map(\.sentence)
    }

    @Test func `status says it when segments wait for the archiver for more than two days`() throws {
        try paths.appendDays(20_420..<20_424)
        #expect(try Archiver.backlog(paths) == nil)
        _ = try Archiver.run(paths)
        #expect(try Archiver.backlog(paths) == nil)
        try paths.appendDays(20_424..<20_428)
        let backlog = try #require(try Archiver.backlog(paths))
        #expect(backlog.stream == .ticks)
        #expect(findings(backlog, now: backlog.since + .seconds(172_700)).isEmpty)
        #expect(
            findings(backlog, now: backlog.since + .seconds(3 * 86_400)) == ["ticks of 3.0 d ago are not archived yet"])
    }
}
