internal import Foundation
import Synchronization

/// A program of ours as a real process: started, read from, ended.
///
/// Its output is drained by threads from the start, so that it never blocks on a full pipe.
public final class RunningProgram: Sendable {
    /// The folder of the programs: `CANDLEWICK_BIN`, else beside the tests.
    public static let folder: String =
        ProcessInfo.processInfo.environment["CANDLEWICK_BIN"]
        ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path

    public let name: String
    private let process = Process()
    private let output = Collected()
    private let errors = Collected()

    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        let isAtEnd = Atomic(false)
        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
        func drain(_ pipe: Pipe) {
            let descriptor = pipe.fileHandleForReading.fileDescriptor
            Thread.detachNewThread {
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
                    self.bytes.withLock { $0 += buffer[..<count] }
                }
                // By hand: a Process that has ended goes on holding its pipes, so that none of them closes itself.
                try? pipe.fileHandleForReading.close()
                self.isAtEnd.store(true, ordering: .releasing)
            }
        }
    }

    /// - Parameters:
    ///   - environment: added to PATH and HOME, nothing else is inherited.
    ///   - input: what it reads, before the end of input.
    public init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = ""
    ) throws {
        self.name = name
        let path = name.hasPrefix("/") ? name : "\(RunningProgram.folder)/\(name)"
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let inherited = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "ASAN_OPTIONS", "LSAN_OPTIONS"].contains($0.key)
        }
        process.environment = inherited.merging(environment) { $1 }
        let given = Pipe()
        process.standardInput = input.isEmpty ? FileHandle.nullDevice : given
        let (out, err) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = err
        output.drain(out)
        errors.drain(err)
        try process.run()
        guard !input.isEmpty else { return }
        try given.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try given.fileHandleForWriting.close()
    }

    deinit { kill() }

    public var isRunning: Bool { process.isRunning }
    /// Whether all that it said has been read.
    public var isRead: Bool { output.isAtEnd.load(ordering: .acquiring) && errors.isAtEnd.load(ordering: .acquiring) }
    public var processID: Int32 { process.processIdentifier }
    public var standardOutput: String { output.text }
    public var standardError: String { errors.text }

    /// The facts of the READY line, once it is there.
    public func ready(within limit: Duration = .seconds(60)) async throws -> [String: String] {
        try await eventually("\(name) says READY; it said: \(standardError.suffix(2_000))", within: limit) {
            if standardOutput.contains("READY ") && standardOutput.contains("\n") { return true }
            if !isRunning { throw TimeOut(description: "\(name) ended: \(standardError.suffix(2_000))") }
            return false
        }
        let line = standardOutput.split(separator: "\n").first { $0.hasPrefix("READY ") } ?? ""
        let facts = line.split(separator: " ").dropFirst().map {
            $0.split(separator: "=", maxSplits: 1).map(String.init)
        }
        return Dictionary(facts.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { $1 }
    }

    /// Waits for the end.
    /// - Returns: the exit code.
    public func ended(within limit: Duration = .seconds(60)) async throws -> Int32 {
        try await eventually("\(name) ends; it said: \(standardError.suffix(2_000))", within: limit) { !isRunning }
        return process.terminationStatus
    }

    /// Asks it to stop in order.
    public func terminate() { if isRunning { process.terminate() } }

    /// Ends it at once.
    public func kill() { if isRunning { Foundation.kill(process.processIdentifier, SIGKILL) } }
}
