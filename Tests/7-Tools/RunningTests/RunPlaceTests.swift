import Glibc
import Host
import TestKit
import Testing

@testable import Running

struct RunPlaceTests {
    private let folder = TemporaryFolder()
    private var state: String { "\(folder.path)/state" }
    private var environment: Environment { Environment(["HOME": folder.path]) }

    private func code(_ body: () throws -> Void) -> ExitCode? {
        do {
            try body()
            return nil
        } catch {
            return (error as? Failure)?.code
        }
    }

    @Test func `a folder with files of another kind is refused and stays as it is`() throws {
        try makeFolder(state)
        folder.write("mine".utf8, to: "state/notes.txt")
        #expect(code { _ = try RunPlace(simulatedIn: state, environment) } == .usage)
        #expect(folderNames(state) == ["notes.txt"])
    }

    @Test func `the folder of the last simulated run is emptied`() throws {
        _ = try RunPlace(simulatedIn: state, environment)
        folder.write("old".utf8, to: "state/candlewick.db")
        let place = try RunPlace(simulatedIn: state, environment)
        #expect(!folderNames(state).contains("candlewick.db"))
        #expect(place.environment["CANDLEWICK_STATE_DIR"] == state)
    }

    @Test func `a second simulated run in the folder is refused, and the first one keeps its files`() throws {
        let first = try RunPlace(simulatedIn: state, environment)
        folder.write("new".utf8, to: "state/candlewick.db")
        #expect(code { _ = try RunPlace(simulatedIn: state, environment) } == .temporary)
        #expect(folderNames(state).contains("candlewick.db"))
        #expect(first.paths.state == state)
    }

    @Test func `a simulated run takes neither database nor configuration nor credentials of the caller`() throws {
        let place = try RunPlace(
            simulatedIn: state,
            environment.with([
                "CANDLEWICK_DATABASE": "/elsewhere.db", "CANDLEWICK_CONFIG": "/elsewhere.yaml",
                "CREDENTIALS_DIRECTORY": "/elsewhere",
            ]))
        #expect(place.paths.database == "\(state)/candlewick.db")
        #expect(place.environment["CANDLEWICK_CONFIG"] == "\(state)/candlewick.yaml")
        #expect(place.environment["CREDENTIALS_DIRECTORY"] == nil)
    }

    @Test func `sockets whose path would be too long are in a short folder that the end removes`() throws {
        let long = "\(folder.path)/\(String(repeating: "x", count: 90))"
        let place = try RunPlace(simulatedIn: long, environment)
        #expect(place.paths.runtime.hasPrefix("/tmp/candlewick-") && place.paths.runtime.utf8.count <= 80)
        #expect(folderNames(place.paths.runtime) == [])
        place.leave()
        #expect(!folderNames("/tmp").contains { "/tmp/\($0)" == place.paths.runtime })
    }

    @Test func `the line for another terminal names the folders as words of a shell`() throws {
        let place = try RunPlace(simulatedIn: "\(folder.path)/it's here", environment)
        #expect(place.export.hasPrefix("export CANDLEWICK_STATE_DIR='\(folder.path)/it'\\''s here' "))
        #expect(String(decoding: fileBytes(place.script), as: UTF8.self) == place.export + "\n")
    }

    @Test func `a run against IG refuses the folder of simulated runs`() throws {
        _ = try RunPlace(simulatedIn: state, environment)
        #expect(code { _ = try RunPlace(of: state, environment) } == .configuration)
    }

    @Test func `a run against IG names the process that works in its folder`() throws {
        try makeFolder(state)
        let failure = try withExtendedLifetime(FileLock(path: "\(state)/candlewick.db.lock")) {
            #expect(throws: Failure.self) { _ = try RunPlace(of: state, environment) }
        }
        #expect(failure?.code == .temporary)
        #expect(failure?.description.contains("(process \(getpid())) works in \(state)") == true)
    }

    @Test func `a run against IG without a named folder is where the stages look`() throws {
        let place = try RunPlace(of: nil, environment.with(["XDG_RUNTIME_DIR": "\(folder.path)/x"]))
        #expect(place.paths.state == "\(folder.path)/.local/state/candlewick")
        #expect(place.environment["CANDLEWICK_RUNTIME_DIR"] == "\(folder.path)/x/candlewick")
    }
}
