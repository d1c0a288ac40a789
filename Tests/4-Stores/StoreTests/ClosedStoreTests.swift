import Foundation
import Host
import SQLiteStore
import TestKit
import Testing

/// What opening a database says of one that is missing, and of one that is another user's.
@Suite struct ClosedStoreTests {
    private let folder = TemporaryFolder()

    @Test func `a database that is missing names the next step`() {
        let path = folder.path + "/candlewick.db"
        let failure = #expect(throws: Failure.self) { try SQLiteReader(path: path) }
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.hasPrefix("the database \(path) does not exist: start the pipeline") == true)
    }

    @Test(.enabled(if: geteuid() == 0))
    func `a database of another user is not taken for one that is missing`() async throws {
        let state = folder.path + "/state"
        let path = state + "/candlewick.db"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
        try SQLiteWriter(path: path, enforcesOpinions: false).close()
        chmod(folder.path, 0o755)
        chown(state, 1, 1)
        chmod(state, 0o750)
        let failure = try await asNobody { #expect(throws: Failure.self) { try SQLiteReader(path: path) } }
        #expect(failure?.code == .notPermitted)
        let text = failure?.description ?? ""
        #expect(text.contains("belongs to user \(userName(1))") && text.contains("usermod -aG"), "\(text)")
    }
}
