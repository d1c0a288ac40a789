internal import FoundationEssentials
public import Host
internal import MarketData
internal import Engines
public import Store
internal import Streams

/// Maintenance of the database from outside: its writer does it if it runs; else this process takes the lock.
public enum Maintenance {
    /// - Returns: what was done, a sentence without its end.
    /// - Throws: `Failure` (69) if there is no database, (75) if its writer does not answer, (77) if it is another
    ///   user's; `StoreError`.
    public static func perform(_ task: MaintenanceTask, paths: Paths, stop: StopSignal) throws -> String {
        guard paths.isDatabaseServed || DiskUsage.size(ofFile: paths.database) > 0 else {
            try expectAccess(to: paths.database)
            throw missingDatabase(paths.database)
        }
        if let writer = writer(paths) { return try ask(writer, task, paths, stop) }
        try expectOwner(of: paths.isDatabaseServed ? paths.state : paths.database, "maintain it")
        let store = try storeEngine.openWriter(paths, enforcesOpinions: false)
        let done = try store.perform(task) {}
        try store.close()
        return done
    }

    /// The process that writes the database.
    private static func writer(_ paths: Paths) -> String? { FileLock.owner(paths.databaseLock) }

    private static func ask(
        _ writer: String, _ task: MaintenanceTask, _ paths: Paths, _ stop: StopSignal
    ) throws -> String {
        let requester = try Requester(
            context: try BusContext(), endpoint: try paths.controlEndpoint())
        try requester.send([UInt8](try JSONEncoder().encode(task)))
        for turn in 0... {
            if turn == 10 { Program.write(standardError: "waiting for store-writer, process \(writer)\n") }
            if let answer = requester.answer(milliseconds: 500) {
                let reply = try JSONDecoder().decode(MaintenanceReply.self, from: Data(answer))
                guard let failure = reply.failure else { return reply.done ?? "done" }
                throw Failure(.io, "store-writer: \(failure)")
            }
            guard self.writer(paths) == writer else {
                throw Failure(.temporary, "store-writer, process \(writer), ended before the task was done: try again")
            }
            if stop.isRaised { break }
        }
        throw Failure(
            .temporary,
            "stopped waiting: store-writer (process \(writer)) is still working on the task, or has finished it")
    }
}

/// What becomes of a request: one of both is set.
struct MaintenanceReply: Codable {
    private(set) var done: String?
    private(set) var failure: String?

    /// Does what a request asks for.
    init(to request: [UInt8], _ perform: (MaintenanceTask) throws -> String) {
        guard let task = try? JSONDecoder().decode(MaintenanceTask.self, from: Data(request)) else {
            failure = "the request cannot be read: are candlewick and store-writer of the same version?"
            return
        }
        do {
            done = try perform(task)
        } catch {
            failure = "\(error)"
        }
    }

    var bytes: [UInt8] { (try? JSONEncoder().encode(self)).map { [UInt8]($0) } ?? [] }
}
