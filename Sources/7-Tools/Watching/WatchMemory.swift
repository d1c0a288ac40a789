internal import FoundationEssentials
package import Host
internal import Reports

/// What candlewick-watch knows over a restart: what it told, and what has not gone out yet.
/// Source: docs/decisions/0049-candlewick-watch.md.
package struct WatchMemory: Codable, Hashable, Sendable {
    package var changes = ChangeDetector.Memory()
    /// By way.
    package var pending: [String: Notice] = [:]

    package init() {}
}

/// The file of the memory, in a folder that only candlewick-watch writes into.
package struct WatchMemoryFile: Sendable {
    private let folder: String
    private var path: String { "\(folder)/memory.json" }

    /// - Parameter paths: the file is in the folder `watch` of the state folder.
    package init(_ paths: Paths) { folder = "\(paths.state)/watch" }

    /// Keeps a second candlewick-watch away; nothing without a folder to write into.
    /// - Throws: `Failure` (75) if another process watches.
    package func lock() throws -> FileLock? {
        do {
            try makeFolder(folder)
            return try FileLock(path: "\(folder)/lock")
        } catch let failure as Failure where failure.code != .temporary {
            // On a full disk it must tell of just that.
            return nil
        }
    }

    /// The empty one if there is no file, or none that can be read: what is bad is then told once more.
    package func read() -> WatchMemory {
        guard let bytes = readFile(path) else { return WatchMemory() }
        return (try? JSONDecoder().decode(WatchMemory.self, from: Data(bytes))) ?? WatchMemory()
    }

    /// - Throws: `Failure` (74).
    package func write(_ memory: WatchMemory) throws {
        try replaceFile(path, durablyWith: Array(encodedJSON(memory).utf8))
    }
}
