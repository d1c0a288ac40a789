import Foundation
import GRDB
import IGClient
import Testing
import TestKit

/// The programs of the pipeline as real processes, in a fresh folder.
final class Pipeline {
    static let apiKey = "4f1d0c9be0-known-api-key"
    static let identifier = "known-identifier"
    static let password = "known-pass-word-77"

    let folder = TemporaryFolder()
    var programs: [String: RunningProgram] = [:]
    let logLevel: String
    /// The environment of every program.
    var variables: [String: String]

    init(logLevel: String = "info", extra: [String: String] = [:]) {
        self.logLevel = logLevel
        variables = [
            "CANDLEWICK_RUNTIME_DIR": folder.path + "/run", "CANDLEWICK_STATE_DIR": folder.path + "/state",
            "IG_API_KEY": Pipeline.apiKey, "IG_USERNAME": Pipeline.identifier, "IG_PASSWORD": Pipeline.password,
        ].merging(extra) { $1 }
    }

    var database: String { folder.path + "/state/candlewick.db" }
    var state: String { folder.path + "/state" }

    /// Writes a configuration with these instruments, as `scripts` of a user would.
    func configure(_ yaml: String) { variables["CANDLEWICK_CONFIG"] = folder.write(yaml.utf8, to: "candlewick.yaml") }

    @discardableResult
    func start(_ name: String, _ arguments: [String] = [], ready: Bool = true) async throws -> RunningProgram {
        let level = name == "ig-simulator" || name == "candlewick" ? [] : ["--log-level", logLevel]
        let program = try RunningProgram(name, arguments + level, environment: variables)
        programs[name] = program
        if ready {
            let facts = try await program.ready()
            if let rest = facts["rest"] { variables["IG_REST_URL"] = rest + "/gateway/deal" }
        }
        return program
    }

    /// A program beside the pipeline's own, such as a second one of a kind, or one with other variables.
    func launch(
        _ name: String, _ arguments: [String] = [], with changes: [String: String?] = [:]
    ) throws -> RunningProgram {
        var environment = variables
        for (name, value) in changes { environment[name] = value }
        return try RunningProgram(name, arguments, environment: environment)
    }

    /// Runs a program to its end.
    func result(
        _ name: String, _ arguments: [String] = [], with changes: [String: String?] = [:],
        within limit: Duration = .seconds(20)
    ) async throws -> (code: Int32, output: String, errors: String) {
        let program = try launch(name, arguments, with: changes)
        let code = try await program.ended(within: limit)
        try await eventually("its output is read", within: .seconds(5)) { program.isRead }
        return (code, program.standardOutput, program.standardError)
    }

    /// Lets faults happen in the simulator, by the words of its `--help`.
    func fault(_ words: String) throws {
        let base = try #require(variables["IG_REST_URL"]).dropLast("/gateway/deal".utf8.count)
        let post = StreamingPost(url: "\(base)/simulator/faults", body: Array(words.utf8))
        let reason = post.run(timeoutSeconds: 5) { _ in }
        if let reason { throw TimeOut(description: "fault \(words): \(reason)") }
    }

    /// Kills a program at work, and starts it again.
    func killAndRestart(_ name: String) async throws {
        let killed = programs[name]
        killed?.kill()
        _ = try await killed?.ended(within: .seconds(5))
        try await start(name)
    }

    /// Simulator, store-writer, aggregator and ingest-stream, in that order.
    func startAll(simulator arguments: [String]) async throws {
        // A walk must not run into the weekend, on any day; and all 28 pairs of it, at high speed, must
        // leave the machine to the other programs.
        let walk = ["--start", "2026-05-12T08:00:00", "--rate", "0.2"]
        let day = arguments.contains("--ticks") ? [] : walk
        try await start("ig-simulator", ["--port", "0"] + day + arguments)
        try await start("store-writer")
        try await start("aggregator")
        try await start("ingest-stream")
    }

    /// Ends all in order, ingest first.
    func stop() async throws -> [String: Int32] {
        var codes: [String: Int32] = [:]
        for name in ["ingest-stream", "aggregator", "store-writer", "ig-simulator"] {
            guard let program = programs[name] else { continue }
            program.terminate()
            codes[name] = try await program.ended(within: .seconds(20))
        }
        return codes
    }

    /// The logs of all of them, for a failure's report.
    var logs: String {
        programs.map { "--- \($0.key)\n\($0.value.standardError.suffix(1_500))" }.joined(separator: "\n")
    }

    func rows(_ sql: String) throws -> [Row] {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        return try DatabaseQueue(path: database, configuration: configuration).read { try Row.fetchAll($0, sql: sql) }
    }

    func count(_ sql: String) throws -> Int { try rows(sql).first?[0] ?? 0 }
}

/// Reference candles of one timeframe, as text rows `timestamp,prices…,ticks`, prices with their zeros cut.
func referenceRows(_ csv: String) -> [String] {
    csv.split(separator: "\n").dropFirst().map { line in
        let fields = line.split(separator: ",").map(String.init)
        let seconds = String(fields[0].dropLast(9))
        return ([seconds] + fields[1...12].map { String(Double($0)!) } + [fields[13]]).joined(separator: ",")
    }
}

extension Pipeline {
    /// The stored candles of a pair and timeframe, in the form of `referenceRows`.
    func storedRows(_ pair: String, _ timeframe: String) throws -> [String] {
        try rows(
            """
            SELECT timestamp, bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
                mid_open, mid_high, mid_low, mid_close, tick_count
            FROM candles_full WHERE pair = '\(pair)' AND timeframe = '\(timeframe)' ORDER BY timestamp
            """
        ).map { row in
            let prices = (1...12).map { String(row[$0] as Double) }
            return ([String(row[0] as Int)] + prices + [String(row[13] as Int)]).joined(separator: ",")
        }
    }
}

/// The text of a file that may be gzipped.
func textOf(_ path: String) throws -> String {
    guard path.hasSuffix(".gz") else { return String(decoding: fileBytes(path), as: UTF8.self) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}

/// The data beside the checkout; `nil` if it is absent.
let sharedData: String? = {
    let root = Golden.folder.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let path = root + "/shared/data"
    return folderNames(path).isEmpty ? nil : path
}()
