internal import CPlatform
internal import Glibc

/// A program of the system, run to its end: bytes in, bytes out.
///
/// Its input is a file in memory, so that no thread is needed. (Foundation's `Process` would load all of Foundation;
/// swift-subprocess is for async callers only, and these programs have none.)
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
    ///   - bytesMax: of its output, and of its errors, so much is kept; the rest is dropped.
    /// - Throws: `Failure` (74) if the process cannot be started.
    public static func run(
        _ command: [String], input: some Sequence<UInt8>, environment: [String: String]? = nil, seconds: Int,
        keeping bytesMax: Int = .max
    ) throws -> Result {
        let (file, output, errors) = (try MemoryFile(), try OutputPipe(bytesMax), try OutputPipe(bytesMax))
        try file.write(Array(input))
        let process = try start(
            ["timeout", "--kill-after=1", String(seconds)] + command,
            [file.descriptor, output.writer, errors.writer], environment)
        let status = try wait(for: process, [output, errors], named: command[0])
        return Result(
            exitCode: exitCode(ofStatus: status), output: output.content,
            errors: String(decoding: errors.content, as: UTF8.self))
    }

    /// Takes what a process writes until it ends.
    /// - Returns: its status.
    private static func wait(for process: pid_t, _ pipes: [OutputPipe], named name: String) throws -> Int32 {
        for pipe in pipes { pipe.closeWriter() }
        var status: Int32 = 0
        while true {
            var requests = pipes.map { pollfd(fd: $0.isAtEnd ? -1 : $0.reader, events: Int16(POLLIN), revents: 0) }
            let isAtEnd = pipes.allSatisfy(\.isAtEnd)
            // A program that it leaves behind may hold them open: its own end is looked for too.
            if !isAtEnd { poll(&requests, nfds_t(requests.count), 100) }
            let ended = waitpid(process, &status, isAtEnd ? 0 : WNOHANG)
            guard ended >= 0 || errno == EINTR else {
                throw Failure(.io, "\(name) cannot be waited for: \(systemMessage(errno))")
            }
            for pipe in pipes { pipe.take() }
            if ended == process { return status }
        }
    }

    /// - Parameter descriptors: become 0, 1, 2.
    private static func start(
        _ arguments: [String], _ descriptors: [Int32], _ environment: [String: String]?
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
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
}

/// The exit code of a program as a shell gives it: 128 and the signal's number if one ended it.
func exitCode(ofStatus status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? status >> 8 & 0xff : 128 + signal
}

/// A pipe that programs do not inherit; its reader does not wait.
func makePipe() throws -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(.io, "a pipe cannot be made: \(systemMessage(errno))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
}

/// What a program writes, of which the beginning is kept.
private final class OutputPipe {
    let reader: Int32
    private(set) var writer: Int32
    private(set) var content: [UInt8] = []
    /// Nobody writes any more, and everything was taken.
    private(set) var isAtEnd = false
    private let bytesMax: Int

    init(_ bytesMax: Int) throws {
        self.bytesMax = bytesMax
        (reader, writer) = try makePipe()
    }

    deinit {
        closeWriter()
        close(reader)
    }

    func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    /// Takes what a pipe holds at most: a program that writes without an end does not hold us.
    func take() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(reader, &buffer, buffer.count)
        if count == 0 { isAtEnd = true }
        if count > 0 { content += buffer.prefix(min(count, bytesMax - content.count)) }
    }
}
