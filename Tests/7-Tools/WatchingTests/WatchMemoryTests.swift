import Host
import TestKit
import Testing

@testable import Watching

@Suite struct WatchMemoryTests {
    private let folder = TemporaryFolder()

    @Test func `what is written is read again`() throws {
        let file = WatchMemoryFile(try Paths(state: folder.path))
        #expect(file.read() == WatchMemory())
        let lock = try file.lock()
        #expect(lock != nil)
        var memory = WatchMemory()
        memory.changes.told = [WatchedFinding(Samples.pair, since: 5)]
        memory.changes.badSince = 5
        memory.pending = ["webhook": Samples.appeared]
        try file.write(memory)
        #expect(file.read() == memory)
    }

    @Test func `a damaged file is an empty memory`() throws {
        let file = WatchMemoryFile(try Paths(state: folder.path))
        _ = try file.lock()
        folder.write("{\"changes\":".utf8, to: "watch/memory.json")
        #expect(file.read() == WatchMemory())
    }

    @Test func `a second watcher is kept away`() throws {
        let file = WatchMemoryFile(try Paths(state: folder.path))
        let lock = try file.lock()
        let failure = #expect(throws: Failure.self) { try file.lock() }
        #expect(failure?.code == .temporary)
        #expect(lock != nil)
    }
}
