import Assumptions
import Foundation
import Host
@testable import Inspection
import MarketData
import Reports
import Testing
import TestKit

@Suite struct AssumptionsReportTests {
    @Test func `the document shows the table of the code`() throws {
        let document = try String(contentsOfFile: "\(Golden.folder)/../../docs/assumptions.md", encoding: .utf8)
        #expect(document.hasSuffix(AssumptionTable().text(.plain)), "candlewick assumptions --table prints it")
    }

    @Test func `what several programs counted is added up, over restarts`() throws {
        let folder = TemporaryFolder()
        for run in 1...2 {
            let book = AssumptionBook(stateFolder: folder.path, program: "ingest-stream")
            var tally = AssumptionTally()
            tally.hold(.snapshotEnds, times: 10)
            tally.violate(.snapshotEnds, at: UTCNanos(seconds: UTCSeconds(rawValue: Int64(run * 100))), "run \(run)")
            // Once a minute: each time with what the run has counted so far.
            try book.write(tally)
            try book.write(tally)
        }
        var other = AssumptionTally()
        other.hold(.weeklyPoints)
        try AssumptionBook(stateFolder: folder.path, program: "ingest-backfill").write(other)
        let all = AssumptionBook.all(stateFolder: folder.path)
        #expect(all[.weeklyPoints].held == 1 && all[.snapshotEnds].held == 20 && all[.snapshotEnds].violated == 2)
        #expect(all[.snapshotEnds].firstViolation == 100 && all[.snapshotEnds].lastViolation == 200)
        let text = AssumptionsReport(stateFolder: folder.path).text(.plain)
        #expect(text.contains("snapshot-ends") && text.contains("run 2") && text.contains("EOS follows"), "\(text)")
    }

    @Test func `a damaged file counts for nothing`() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/assumptions", withIntermediateDirectories: true)
        try Data("{".utf8).write(to: URL(filePath: "\(folder.path)/assumptions/ingest-stream.json"))
        #expect(AssumptionBook.all(stateFolder: folder.path)[.snapshotEnds] == AssumptionTally.Count())
    }
}
