internal import CPlatform
internal import Glibc

/// A program of the system, run to its end: bytes in, bytes out.
///
/// Its input and output are files in memory, so that no pipe can fill and no thread is needed. (Foundation's `Process`
/// would load all of Foundation; swift-subprocess is for async callers only, and these programs have none.)
public enum ChildProcess {
    public struct Result: Sendable {
        /// As a shell gives it; `ChildProcess.missing` and `ChildProcess.late` have a meaning of their own.
        public let exitCode: Int32
        public let output: [UInt8]
        public let errors: String
    }

    /// The exit code if the program does not exist.
    public static let missing: Int32 = 127
    /// The exit code if the time was not enough.
    public static let late: Int32 = 124

    /// Runs a program that is found on PATH, by way of `timeout` of coreutils, which ends it when the time is up.
    /// - Parameters:
    ///   - environment: all its variables; `nil`: ours.
    ///   - seconds: how long it may take, 1 or more.
    /// - Throws: `Failure` (74) if the process cannot be started.
    public static func run(
        _ command: [String], input: some Sequence<UInt8>, environment: [String: String]? = nil, seconds: Int
    ) throws -> Result {
        let files = try (0..<3).map { _ in try MemoryFile() }
        try files[0].write(Array(input))
        let process = try start(["timeout", "--kill-after=1", String(seconds)] + command, files, environment)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else {
                throw Failure(.io, "\(command[0]) cannot be waited for: \(systemMessage(errno))")
            }
        }
        let signal = status & 0x7f
        return Result(
            exitCode: signal == 0 ? status >> 8 & 0xff : 128 + signal, output: files[1].content,
            errors: String(decoding: files[2].content, as: UTF8.self))
    }

    /// - Parameter files: become descriptors 0, 1, 2.
    private static func start(
        _ arguments: [String], _ files: [MemoryFile], _ environment: [String: String]?
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, file) in files.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file.descriptor, Int32(target))
        }
        // The stages block signals; a child shall hear them.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var texts = arguments.map { strdup($0) } + [nil]
        defer { texts.forEach { free($0) } }
        var variables = environment.map { $0.map { strdup("\($0.key)=\($0.value)") } + [nil] } ?? []
        defer { variables.forEach { free($0) } }
        var process: pid_t = 0
        let code =
            environment == nil
            ? posix_spawnp(&process, arguments[0], &actions, &attributes, &texts, environ)
            : posix_spawnp(&process, arguments[0], &actions, &attributes, &texts, &variables)
        guard code == 0 else { throw Failure(.io, "\(arguments[0]) cannot be started: \(systemMessage(code))") }
        return process
    }
}

/// An unnamed file in memory.
private final class MemoryFile {
    let descriptor: Int32

    init() throws {
        descriptor = candlewick_memory_file()
        guard descriptor >= 0 else {
            throw Failure(.io, "a file in memory cannot be made: \(systemMessage(-descriptor))")
        }
    }

    deinit { close(descriptor) }

    /// Writes all; a reader of the descriptor begins at its start.
    func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, written) }
            guard count > 0 else { throw Failure(.io, "a file in memory cannot be written: \(systemMessage(errno))") }
            written += count
        }
    }

    var content: [UInt8] {
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = pread(descriptor, &buffer, buffer.count, content.count), count > 0 {
            content += buffer[..<count]
        }
        return content
    }
}
