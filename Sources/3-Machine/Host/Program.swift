internal import Glibc
public import Logging

/// The common duties of every program: log to standard error, print READY once, end with the right code.
public enum Program {
    /// The version that every program reports.
    public static let version = "0.1.0"

    /// Runs `body` and ends the process with the code that its error stands for.
    ///
    /// Sets the umask so that sockets and files are for owner and group only.
    public static func run(_ name: String, logLevel: Logger.Level = .info, _ body: (Logger) throws -> Void) -> Never {
        umask(0o007)
        // A file that may not grow any more is an error of its write, not the end by a signal.
        signal(SIGXFSZ, SIG_IGN)
        raiseDescriptorLimit()
        let isJournal = LogLines.isJournal(.process)
        LoggingSystem.bootstrap { LogLines(program: $0, isJournal: isJournal, clock: .system) }
        var logger = Logger(label: name)
        logger.logLevel = logLevel
        do {
            try body(logger)
            exit(ExitCode.ok.rawValue)
        } catch {
            write(standardError: "\(name): \(error)\n")
            exit(((error as? any ExitCodeProviding)?.exitCode ?? .software).rawValue)
        }
    }

    /// Descriptors that a daemon may have open: its files, and the peers that the bus lets in.
    static let descriptorsWanted: UInt = 4_096
    static let descriptorsNeeded: UInt = 512

    private static var descriptorLimit: rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }

    /// As far as the hard limit lets us; never down.
    private static func raiseDescriptorLimit() {
        guard var limit = descriptorLimit, limit.rlim_cur < descriptorsWanted else { return }
        limit.rlim_cur = min(descriptorsWanted, limit.rlim_max)
        // If it fails, `checkDescriptorLimit` reports it.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// - Throws: `Failure` (74) where libzmq could run out of descriptors, which it answers by ending the process.
    public static func checkDescriptorLimit() throws {
        guard let limit = descriptorLimit, limit.rlim_cur < descriptorsNeeded else { return }
        throw Failure(
            .io,
            """
            \(limit.rlim_cur) open files are allowed and \(descriptorsNeeded) are needed: raise the limit \
            (ulimit -n, LimitNOFILE=)
            """)
    }

    /// Says on standard output that the program serves: `READY key=value … pid=N`. At once, also into a pipe.
    public static func ready(_ facts: [(String, String)]) {
        let line = (["READY"] + facts.map { "\($0.0)=\($0.1)" } + ["pid=\(getpid())"]).joined(separator: " ") + "\n"
        write(standardOutput: line)
    }

    /// Writes text to standard output without a buffer.
    /// - Returns: false if the reader has gone.
    @discardableResult
    public static func write(standardOutput text: String) -> Bool { put(Array(text.utf8), 1) }

    /// The same with bytes.
    @discardableResult
    public static func write(standardOutput bytes: [UInt8]) -> Bool { put(bytes, 1) }

    /// Writes text to standard error without a buffer.
    public static func write(standardError text: String) { _ = put(Array(text.utf8), 2) }

    private static func put(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
