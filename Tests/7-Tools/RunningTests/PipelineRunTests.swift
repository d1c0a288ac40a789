import Glibc
import Host
import TestKit
import Testing

@testable import Running

struct PipelineRunTests {
    private let folder = TemporaryFolder()

    /// Empty programs.
    private func put(_ names: [String]) throws {
        for name in names {
            folder.write("#!/bin/sh\n".utf8, to: name)
            try #require(chmod("\(folder.path)/\(name)", 0o755) == 0)
        }
    }

    private func failure(_ options: PipelineRun.Options, _ variables: [String: String] = [:]) -> Failure? {
        #expect(throws: Failure.self) {
            _ = try PipelineRun(options, environment: Environment(variables), folder: folder.path)
        }
    }

    @Test func `a missing program is named`() throws {
        try put(["aggregator", "store-writer", "ingest-stream", "candlewick"])
        var options = PipelineRun.Options()
        options.simulation = .init(speed: "1", seed: 1)
        let failure = failure(options)
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.hasPrefix("\(folder.path)/ig-simulator is missing") == true)
    }

    @Test func `without credentials both ways are named`() throws {
        try put(["aggregator", "store-writer", "ingest-stream", "candlewick"])
        let failure = failure(.init(), ["IG_API_KEY": "key"])
        #expect(failure?.code == .configuration)
        #expect(failure?.description.contains("set IG_USERNAME, IG_PASSWORD, or") == true)
        #expect(failure?.description.contains("--simulated") == true)
    }

    @Test func `a program that the run can do without is no fault once it is dropped`() throws {
        try #require(symlink("/bin/false", "\(folder.path)/page") == 0)
        let stages = RunningStages(folder: folder.path, logs: folder.path, stop: try StopSignal(), clock: .system)
        #expect(throws: Failure.self) { _ = try stages.start("page", [], Environment([:])) }
        #expect(stages.early.map(\.name) == ["page"])
        stages.drop("page")
        #expect(stages.early.isEmpty)
    }
}
