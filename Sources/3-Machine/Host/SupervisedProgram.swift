internal import CPlatform
internal import Glibc

/// A program of ours that runs under this process, as it would under systemd: in a session of its own, its log in a file,
/// its first line on standard output awaited. However this process ends, it leaves none behind.
///
/// - Note: Start and use it on the main thread: the kernel kills the program when the thread that started it ends.
public final class SupervisedProgram {
    public let name: String
    /// The file of its standard error.
    public let log: String
    /// The pipe from its standard output. Hung up once it has ended.
    let output: Int32
    private let process: pid_t
    private var text = ""
    private var reports: NotifyListener?
    /// As a shell gives it; `nil` while it runs.
    public private(set) var exitCode: Int32?

    /// - Parameters:
    ///   - path: of the program; its last part is the name.
    ///   - environment: all its variables.
    /// - Throws: `Failure` (74) if it cannot be started.
    public init(path: String, _ arguments: [String] = [], environment: [String: String], log: String) throws {
        name = String(path.split(separator: "/").last ?? "")
        self.log = log
        let file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw Failure(.io, "\(log) cannot be made: \(systemMessage(errno))") }
        defer { close(file) }
        let reports = try NotifyListener()
        let pipe = try makePipe()
        defer { close(pipe.writer) }
        var variables = environment
        variables["NOTIFY_SOCKET"] = reports.address
        let started = SupervisedProgram.start(path, arguments, variables, output: pipe.writer, errors: file)
        guard started > 0 else {
            close(pipe.reader)
            throw Failure(.io, "\(path) cannot be started: \(systemMessage(-started))")
        }
        (process, output, self.reports) = (started, pipe.reader, reports)
    }

    private static func start(
        _ path: String, _ arguments: [String], _ environment: [String: String], output: Int32, errors: Int32
    ) -> Int32 {
        var texts = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (texts + variables).forEach { free($0) } }
        return candlewick_start(path, &texts, &variables, output, errors)
    }

    deinit {
        if isRunning { end(within: 0) }
        close(output)
    }

    /// The facts of its READY line; `nil` before it. From then on it is not listened to.
    public func ready() -> [String: String]? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(output, &buffer, buffer.count), count > 0 {
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("READY") }), text.contains("\n")
        else { return nil }
        // What is still sent fails at once; a full queue would hold the program up at its stop.
        reports = nil
        let facts = line.split(separator: " ").dropFirst().map {
            $0.split(separator: "=", maxSplits: 1).map(String.init)
        }
        return Dictionary(facts.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { $1 }
    }

    /// What it does before it is ready, in its own words; `nil` if it has not said.
    public var status: String? { reports?.status }

    public var isRunning: Bool {
        guard exitCode == nil else { return false }
        var status: Int32 = 0
        guard waitpid(process, &status, WNOHANG) == process else { return true }
        exitCode = Host.exitCode(ofStatus: status)
        return false
    }

    /// Asks it to end, and kills it if it does not do so in time.
    /// - Returns: whether it ended by itself.
    @discardableResult
    public func end(within seconds: Int64) -> Bool {
        guard isRunning else { return true }
        if seconds > 0 { kill(process, SIGTERM) }
        let deadline = Clock.system.monotonic() + seconds * 1_000_000_000
        while Clock.system.monotonic() < deadline {
            if !isRunning { return true }
            poll(nil, 0, 20)
        }
        kill(process, SIGKILL)
        while isRunning { poll(nil, 0, 5) }
        return false
    }

    /// The last lines of its log.
    public func lastLines(_ count: Int) -> [String] {
        String(decoding: readFile(log) ?? [], as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
    }
}

@available(*, unavailable)
extension SupervisedProgram: Sendable {}

/// The supervisor's end of sd_notify(3): a datagram socket with an abstract name that the system chooses.
private final class NotifyListener {
    /// The value of `NOTIFY_SOCKET`.
    let address: String
    private let descriptor: Int32
    private var lastStatus: String?

    init() throws {
        let opened = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        // Only the family: the system chooses a name. Source: unix(7) § Autobind feature.
        var length = socklen_t(MemoryLayout<sa_family_t>.size)
        let whole = MemoryLayout<sockaddr_un>.size
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard bind(opened, $0, length) == 0 else { return false }
                length = socklen_t(whole)
                return getsockname(opened, $0, &length) == 0
            }
        }
        guard opened >= 0, isBound else {
            let reason = systemMessage(errno)
            close(opened)
            throw Failure(.io, "a socket for NOTIFY_SOCKET cannot be made: \(reason)")
        }
        let bytes = withUnsafeBytes(of: &name.sun_path) { Array($0.prefix(Int(length) - 2)) }
        (descriptor, address) = (opened, "@" + String(decoding: bytes.dropFirst(), as: UTF8.self))
    }

    var status: String? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            if text.hasPrefix("STATUS=") { lastStatus = String(text.dropFirst("STATUS=".count)) }
        }
        return lastStatus
    }

    deinit { close(descriptor) }
}
