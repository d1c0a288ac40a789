internal import FoundationEssentials
internal import Glibc
public import Wire

/// The meeting places of the stages: the runtime folder with sockets, the state folder with journals, the database. A
/// collector has folders of its own in them, unless it is `main`.
/// Source: docs/architecture.md § Folders.
public struct Paths: Sendable {
    public let runtime: String
    public let state: String
    /// Whose streams and stages are meant.
    public private(set) var collector: Collector
    /// A file, or the URI of a server, without a password.
    public let database: String
    /// The runtime folder is the one in `/tmp`, where others could have made it before us.
    private let runtimeIsShared: Bool
    /// Where the folders are those of an installation under systemd.
    public let installation: InstalledFolders?

    /// - Throws: `Failure` (78) if the state folder is not known, or the database's URI holds a password.
    public init(environment: Environment, collector: Collector = .main) throws {
        self.collector = collector
        installation = environment.installation
        let candidates = [
            environment["CANDLEWICK_RUNTIME_DIR"], environment["RUNTIME_DIRECTORY"],
            environment["XDG_RUNTIME_DIR"].map { "\($0)/candlewick" },
        ]
        let chosen = candidates.compactMap { $0 }.first
        runtime = chosen ?? "/tmp/candlewick-\(getuid())"
        runtimeIsShared = chosen == nil
        let named = environment["CANDLEWICK_STATE_DIR"] ?? environment["STATE_DIRECTORY"]
        guard let state = named ?? Paths.homeState(environment) else {
            throw Failure(.configuration, "the state folder is not known: set CANDLEWICK_STATE_DIR or HOME")
        }
        self.state = state
        database = environment["CANDLEWICK_DATABASE"] ?? "\(state)/candlewick.db"
        try refusePassword()
    }

    /// The state folder of a user who names no other; `nil` if the home is not known.
    public static func homeState(_ environment: Environment) -> String? {
        environment["HOME"].map { "\($0)/.local/state/candlewick" }
    }

    /// Folders that are named instead of found.
    public init(runtime: String? = nil, state: String) throws {
        try self.init(
            environment: Environment(["CANDLEWICK_RUNTIME_DIR": runtime ?? state, "CANDLEWICK_STATE_DIR": state]))
    }

    /// The same places with the streams and stages of another collector.
    public func of(_ collector: Collector) -> Paths {
        var paths = self
        paths.collector = collector
        return paths
    }

    /// The collectors that have ever run here, by name; that of these paths if none has.
    public var collectors: [Collector] {
        let all = [.main] + folderNames("\(state)/\(Paths.collectorsFolder)").compactMap(Collector.init)
        let present = Set(all).filter(hasRun)
        return present.isEmpty ? [collector] : present.sorted()
    }

    /// Whether a collector has ever run here.
    public func hasRun(_ collector: Collector) -> Bool {
        !folderNames("\(of(collector).collectorState)/journal").isEmpty
    }

    /// In the folders of runtime and state.
    private static let collectorsFolder = "collectors"

    private func place(in folder: String) -> String {
        collector == .main ? folder : "\(folder)/\(Paths.collectorsFolder)/\(collector)"
    }

    /// The folder of the collector's journals.
    public var collectorState: String { place(in: state) }

    /// What tells the collector's journals from those of another machine's collector of the same name: a random text that
    /// stays in a file beside them.
    /// - Throws: `Failure` (74).
    public func origin() throws -> String {
        let path = "\(collectorState)/origin"
        let file = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let known = file.filter { !$0.isWhitespace }
        if !known.isEmpty { return known }
        let new = UUID().uuidString.lowercased().filter { $0 != "-" }
        try makeFolder(collectorState)
        try replaceFile(path, with: new + "\n")
        return new
    }

    /// The folder of the collector's sockets.
    private var collectorRuntime: String { place(in: runtime) }

    /// The database is on a server: `database` is a URI.
    public var isDatabaseServed: Bool {
        ["postgresql://", "postgres://"].contains { database.hasPrefix($0) }
    }

    /// The lock of the database's one writer on this machine.
    public var databaseLock: String { isDatabaseServed ? "\(state)/store-writer.lock" : "\(database).lock" }

    /// Why a URI with a password is refused.
    public static let passwordRefusal = """
        CANDLEWICK_DATABASE holds a password, which messages and lists of processes would show: put it into the file that \
        PGPASSFILE names, or give it as the credential PGPASSWORD
        """

    /// Messages and reports show `database`. Source: PostgreSQL 15, § 34.1.1.2.
    private func refusePassword() throws {
        guard isDatabaseServed else { return }
        let place = database.drop { $0 != ":" }.dropFirst(3)
        // libpq takes what is before a '@' for the user, if no '/' comes before it.
        let user = place.prefix { $0 != "@" && $0 != "/" }
        let hasUser = place.dropFirst(user.count).first == "@"
        let keys = place.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().flatMap {
            $0.split(separator: "&")
        }
        .map { $0.prefix { $0 != "=" }.lowercased() }
        // A key with percent signs would be one that is not recognised here.
        let isNamed = keys.contains { $0.contains("password") || $0.contains("%") }
        if hasUser && user.contains(":") || isNamed { throw Failure(.configuration, Paths.passwordRefusal) }
    }

    /// Makes both folders (for owner and group only).
    /// - Throws: `Failure` (74) with the folder and the system's reason; (77) if an installation's state is another
    ///   user's; (78) where every user can write into one.
    public func prepare() throws {
        // The stages could not read what another user makes there.
        if installation != nil, access(state, F_OK) == 0 { try expectOwner(of: state, "use it") }
        try makeFolder(runtime, mode: runtimeIsShared ? 0o700 : 0o750)
        try makeFolder(state, mode: 0o750)
        for folder in [runtime, state] { try Paths.refuseOpenFolder(folder) }
        if runtimeIsShared {
            var info = stat()
            guard lstat(runtime, &info) == 0, info.st_uid == getuid(), info.st_mode & S_IFMT == S_IFDIR else {
                throw Failure(.io, "\(runtime) belongs to another user: remove it or set CANDLEWICK_RUNTIME_DIR")
            }
        }
        for folder in [collectorRuntime, collectorState] { try makeFolder(folder, mode: 0o750) }
    }

    /// A user who can write into a folder can replace our sockets and journals.
    private static func refuseOpenFolder(_ path: String) throws {
        var info = stat()
        guard stat(path, &info) == 0 else { throw Failure(.io, "\(path): \(systemMessage(errno))") }
        guard info.st_mode & S_IWOTH == 0 else {
            throw Failure(
                .configuration, "every user can write into \(path): run chmod o-w on it or name another folder")
        }
    }

    /// The journal's folder of a stream.
    public func journal(_ stream: Stream) -> String { "\(collectorState)/journal/\(stream.rawValue)" }

    /// The file from which the collector's aggregator goes on.
    public var checkpoint: String { "\(collectorState)/aggregator.checkpoint" }

    /// The folder of the collector's archive.
    public var archive: String { "\(collectorState)/archive" }

    /// The bus address of a stream.
    /// - Throws: `Failure` (78) if the path is too long for a Unix socket.
    public func endpoint(_ stream: Stream) throws -> String {
        try socket("\(stream.rawValue).ipc", in: stream.isCollected ? collectorRuntime : runtime)
    }

    /// The address at which a stage publishes its status.
    public func statusEndpoint(_ stage: Stage) throws -> String {
        try socket("\(stage.name).status.ipc", in: stage.isOfCollector ? collectorRuntime : runtime)
    }

    /// The address where store-writer takes requests for maintenance.
    public func controlEndpoint() throws -> String {
        try socket("\(Stage.storeWriter.name).control.ipc", in: runtime)
    }

    private func socket(_ name: String, in folder: String) throws -> String {
        let path = "\(folder)/\(name)"
        guard path.utf8.count <= 107 else {
            throw Failure(
                .configuration,
                "socket path \(path) has \(path.utf8.count) bytes, the limit is 107: set a shorter CANDLEWICK_RUNTIME_DIR"
            )
        }
        return "ipc://\(path)"
    }
}

/// The names in a folder; empty if it cannot be read.
private func folderNames(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { !$0.hasPrefix(".") }
}

/// Makes a folder and those above it; an existing one is left as it is.
public func makeFolder(_ path: String, mode: UInt32 = 0o750) throws {
    var made = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
        made += made.isEmpty && !path.hasPrefix("/") ? String(part) : part.isEmpty ? "" : "/\(part)"
        if made.isEmpty { continue }
        if mkdir(made, mode) != 0, errno != EEXIST {
            throw Failure(.io, "folder \(made) cannot be made: \(systemMessage(errno))")
        }
    }
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
        throw Failure(.io, "\(path) is not a folder")
    }
}

/// Refuses to work on what belongs to another user: files that are made here would shut that one out.
/// - Parameter work: such as `repair it`.
/// - Throws: `Failure` (77); (74) if it is not there.
public func expectOwner(of path: String, _ work: String) throws {
    var info = stat()
    guard stat(path, &info) == 0 else { throw Failure(.io, "\(path): \(systemMessage(errno))") }
    guard info.st_uid == geteuid() else {
        let name = userName(info.st_uid)
        throw Failure(
            .notPermitted, "\(path) belongs to user \(name): \(work) as that user: \(command(as: name))")
    }
}

/// The system's text for an error number.
public func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
