internal import FoundationEssentials
internal import Glibc
internal import Host
internal import Wire

/// The folders of a run, prepared: nothing else works in them.
struct RunPlace {
    /// What every program of the run gets.
    let environment: Environment
    let paths: Paths
    /// One log for each program.
    var logs: String { "\(paths.state)/logs" }
    /// Held as long as the run.
    private let lock: FileLock?
    /// A runtime folder in `/tmp`, because a socket's path would be too long.
    private let shortRuntime: String?

    /// The file by which a folder of simulated runs is known, and the lock of the run.
    static let marker = "simulated-run"

    /// The folder of a simulated run, emptied.
    /// - Parameter state: `nil`: the usual one.
    /// - Throws: `Failure` (64) if the folder holds something else, (75) if another run works there, (74).
    init(simulatedIn state: String?, _ environment: Environment) throws {
        let state = try RunPlace.absolute(state ?? RunPlace.simulatedState(environment))
        let names = RunPlace.names(state)
        guard names.isEmpty || names.contains(RunPlace.marker) else {
            throw Failure(.usage, "\(state) has files that are not of a simulated run: name another folder by --state")
        }
        try makeFolder(state)
        lock = try RunPlace.lock("\(state)/\(RunPlace.marker)", state)
        for name in RunPlace.names(state) where name != RunPlace.marker { try RunPlace.remove("\(state)/\(name)") }
        let runtime: String
        (runtime, shortRuntime) = try RunPlace.runtime(state)
        let configuration = "\(state)/candlewick.yaml"
        try replaceFile(configuration, with: "web: {listen: '127.0.0.1:0'}\n")
        self.environment = environment.with([
            "CANDLEWICK_STATE_DIR": state, "CANDLEWICK_RUNTIME_DIR": runtime, "CANDLEWICK_CONFIG": configuration,
            "CANDLEWICK_DATABASE": nil, "CREDENTIALS_DIRECTORY": nil, "CANDLEWICK_WEB_TOKEN": nil,
            "IG_ACC_NUMBER": nil, "IG_CA_FILE": nil, "IG_DEMO": nil,
        ])
        paths = try Paths(environment: self.environment)
        try prepare()
    }

    /// The folder of a run against IG: as the environment says, or a named one.
    /// - Throws: `Failure` (75) if a stage works there, (77) if it belongs to another user, (78) if it is of simulated
    ///   runs, (74).
    init(of state: String?, _ environment: Environment) throws {
        let usual = environment["CANDLEWICK_STATE_DIR"] ?? environment["STATE_DIRECTORY"]
        let folder = try RunPlace.absolute(state ?? usual ?? RunPlace.known(Paths.homeState(environment)))
        guard access("\(folder)/\(RunPlace.marker)", F_OK) != 0 else {
            throw Failure(.configuration, "\(folder) is of simulated runs: name another folder by --state")
        }
        var changes: [String: String?] = ["CANDLEWICK_STATE_DIR": folder]
        if access(folder, F_OK) == 0 {
            try RunPlace.expectNobody(in: try Paths(environment: environment.with(changes)))
            try expectOwner(of: folder, "run the pipeline")
        }
        lock = nil
        if state == nil {
            shortRuntime = nil
        } else {
            try makeFolder(folder)
            let runtime: String
            (runtime, shortRuntime) = try RunPlace.runtime(folder)
            changes["CANDLEWICK_RUNTIME_DIR"] = runtime
        }
        paths = try Paths(environment: environment.with(changes))
        changes["CANDLEWICK_RUNTIME_DIR"] = paths.runtime
        self.environment = environment.with(changes)
        try prepare()
    }

    private func prepare() throws {
        try paths.prepare()
        try makeFolder(logs)
        try replaceFile(script, with: "\(export)\n")
    }

    /// The file that another terminal reads for its variables.
    var script: String { "\(paths.state)/env" }

    /// The line by which another terminal's commands find the run; what is empty counts as not set.
    var export: String {
        let names = ["CANDLEWICK_STATE_DIR", "CANDLEWICK_RUNTIME_DIR", "CANDLEWICK_CONFIG", "CANDLEWICK_DATABASE"]
        let values = names.map { name in "\(name)=\(environment[name].map(RunPlace.quoted) ?? "")" }
        return (["export"] + values).joined(separator: " ")
    }

    /// Removes what is not needed after the run.
    func leave() {
        // It is emptied at the next start anyway.
        if let shortRuntime { try? FileManager.default.removeItem(atPath: shortRuntime) }
    }

    // MARK: Folders

    private static func lock(_ path: String, _ state: String) throws -> FileLock {
        do {
            return try FileLock(path: path)
        } catch let failure as Failure where failure.code == .temporary {
            let owner = FileLock.owner(path) ?? "another one"
            throw Failure(
                .temporary,
                "process \(owner) is a simulated run in \(state): end it, or name another folder by --state")
        }
    }

    /// - Throws: `Failure` (75) that names the stage which works there.
    private static func expectNobody(in paths: Paths) throws {
        let journals = Stream.journaled.map { "\(paths.journal($0))/writer.lock" }
        for lock in [paths.databaseLock] + journals {
            guard let owner = FileLock.owner(lock) else { continue }
            throw Failure(
                .temporary,
                "\(RunPlace.description(process: owner)) works in \(paths.state): stop it, or name another folder by --state"
            )
        }
    }

    /// Name, id, and the unit of systemd if it is of one.
    private static func description(process: String) -> String {
        let name = text("/proc/\(process)/comm").split(separator: "\n").first.map(String.init) ?? "a program"
        let unit = text("/proc/\(process)/cgroup").split(whereSeparator: { "/\n".contains($0) })
            .last { $0.hasSuffix(".service") && $0.hasPrefix("candlewick") }
        return "\(name) (process \(process)\(unit.map { " of \($0)" } ?? ""))"
    }

    /// A file of the kernel, whose size is not known.
    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The longest name of a socket has 24 bytes, and its path at most 107.
    static let runtimeLimit = 80

    /// - Returns: the folder in the state folder, or a short one in `/tmp`, as second value too.
    private static func runtime(_ state: String) throws -> (String, String?) {
        let own = "\(state)/run"
        guard own.utf8.count > runtimeLimit else { return (own, nil) }
        var info = stat()
        guard stat(state, &info) == 0 else { throw Failure(.io, "\(state): \(systemMessage(errno))") }
        // One for each state folder: a run that was killed leaves it, and the next one replaces it.
        let short = "/tmp/candlewick-\(getuid())-\(info.st_dev)-\(info.st_ino)"
        if access(short, F_OK) == 0 { try remove(short) }
        guard mkdir(short, 0o700) == 0 else { throw Failure(.io, "\(short) cannot be made: \(systemMessage(errno))") }
        return (short, short)
    }

    private static func names(_ folder: String) -> [String] {
        // Not there yet: it holds nothing.
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func remove(_ path: String) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw Failure(.io, "\(path), left by the last run, cannot be removed: \(error)")
        }
    }

    /// - Parameter folder: in the home; `nil` if that is not known.
    private static func known(_ folder: String?) throws -> String {
        guard let folder else {
            throw Failure(.configuration, "the home folder is not known: set HOME, or name a folder by --state")
        }
        return folder
    }

    private static func simulatedState(_ environment: Environment) throws -> String {
        let own = environment["XDG_STATE_HOME"].map { "\($0)/candlewick" } ?? Paths.homeState(environment)
        return try "\(known(own))-simulated"
    }

    private static func absolute(_ path: @autoclosure () throws -> String) throws -> String {
        URL(filePath: try path()).standardizedFileURL.path
    }

    /// As a word of a shell.
    private static func quoted(_ value: String) -> String {
        let isWord = value.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "/._-+:,@%=".utf8.contains(byte)
        }
        return isWord
            ? value : "'\(value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
}
