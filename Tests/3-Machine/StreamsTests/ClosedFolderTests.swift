import Foundation
import Host
import Streams
import TestKit
import Testing
import Wire

/// Folders of another user: ZeroMQ would wait in silence, and a journal would read as an empty one.
@Suite(.enabled(if: geteuid() == 0)) struct ClosedFolderTests {
    private let folder = TemporaryFolder()

    init() {
        chown(folder.path, 1, 1)
        chmod(folder.path, 0o750)
    }

    @Test func `the status of stages that another user runs names that user`() async throws {
        let path = folder.path
        let failure = try await asNobody {
            #expect(throws: Failure.self) {
                try StatusListener.collect(
                    paths: Paths(state: path), collectors: [.main], milliseconds: 0, clock: SteppedClock().clock)
            }
        }
        #expect(failure?.code == .notPermitted)
        #expect(failure?.description.contains("belongs to user \(userName(1))") == true, "\(failure as Any)")
    }

    @Test func `a journal of another user is not taken for an empty one`() async throws {
        let journal = folder.path + "/journal"
        let error = try await asNobody {
            #expect(throws: JournalError.self) {
                try JournalReader(folder: journal, recordSize: TickEnvelope.byteCount, from: nil)
            }
        }
        #expect(error?.exitCode == .notPermitted)
        #expect(error?.description.contains("belongs to user \(userName(1))") == true, "\(error as Any)")
    }
}
