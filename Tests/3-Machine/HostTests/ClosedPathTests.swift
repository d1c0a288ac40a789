import Foundation
import Host
import TestKit
import Testing

/// No permission names the owner and the command that helps; it never reads as an absence.
@Suite(.enabled(if: geteuid() == 0)) struct ClosedPathTests {
    private let folder = TemporaryFolder()

    init() { chmod(folder.path, 0o755) }

    /// What a user without rights reads of it.
    private func refusal(_ path: String, _ use: ClosedPath.Use = .read) async throws -> String? {
        try await asNobody { ClosedPath(path, use)?.description }
    }

    @Test func `a folder that its group may enter is opened by joining the group`() async throws {
        let state = folder.path + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
        folder.write("x".utf8, to: "state/candlewick.db")
        chown(state, 1, 1)
        chmod(state, 0o750)
        let (owner, group) = (userName(1), "\(String(cString: getgrgid(1).pointee.gr_name))")
        for path in [state, state + "/candlewick.db", state + "/missing"] {
            let text = try #require(await refusal(path, path == state ? .list : .read))
            #expect(text.hasPrefix("\(state) cannot be used: it belongs to user \(owner) and is closed to user "))
            #expect(text.contains("sudo usermod -aG \(group) "), "\(text)")
        }
        chmod(state, 0o755)
        #expect(try await refusal(state + "/missing") == nil)
    }

    @Test func `a file for its owner alone is read as the owner`() async throws {
        let path = folder.write("x".utf8, to: "candlewick.db")
        chown(path, 1, 1)
        #expect(ClosedPath(path, .read) == nil)
        let text = try #require(await refusal(path))
        #expect(text.contains(" -u \(userName(1)) ") && !text.contains("usermod"), "\(text)")
        chmod(path, 0o644)
        #expect(try await refusal(path) == nil)
        #expect(try #require(await refusal(path, .write)).contains("belongs to user \(userName(1))"))
    }
}
