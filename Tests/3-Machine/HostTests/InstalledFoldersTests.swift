import Foundation
import Host
import TestKit
import Testing

/// Which folders a program takes that an operator starts by hand.
@Suite struct InstalledFoldersTests {
    private let root = TemporaryFolder()
    private let home = ["HOME": "/home/a", "XDG_RUNTIME_DIR": "/run/user/1"]

    private func install(_ files: [String: String] = [:]) throws {
        let folder = root.path + "/etc/candlewick"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in files { root.write(text.utf8, to: "etc/candlewick/\(name)") }
    }

    private func environment(_ variables: [String: String]) -> Environment {
        Environment(variables).completed(by: InstalledFolders(root: root.path))
    }

    @Test func `without an installation the folders are those of the home`() throws {
        let paths = try Paths(environment: environment(home))
        #expect(paths.state == "/home/a/.local/state/candlewick" && paths.runtime == "/run/user/1/candlewick")
        #expect(paths.installation == nil)
    }

    @Test func `with an installation they are those of the units, whatever the home has`() throws {
        try install(["candlewick.yaml": "timeframes: [1m]\n"])
        let environment = environment(home)
        let paths = try Paths(environment: environment)
        #expect(paths.state == root.path + "/var/lib/candlewick" && paths.runtime == root.path + "/run/candlewick")
        #expect(paths.database == paths.state + "/candlewick.db" && paths.installation != nil)
        #expect(environment["CANDLEWICK_CONFIG"] == root.path + "/etc/candlewick/candlewick.yaml")
    }

    @Test(arguments: ["CANDLEWICK_STATE_DIR", "CANDLEWICK_RUNTIME_DIR", "STATE_DIRECTORY", "RUNTIME_DIRECTORY"])
    func `a variable that names another folder takes all of them elsewhere`(name: String) throws {
        try install(["candlewick.yaml": "", "environment": "CANDLEWICK_DATABASE=/other.db\n"])
        let environment = environment(home.merging([name: "/mine"]) { $1 })
        let paths = try Paths(environment: environment)
        #expect(paths.installation == nil && environment["CANDLEWICK_CONFIG"] == nil)
        #expect([paths.state, paths.runtime].contains("/mine"))
        #expect(!(paths.state + paths.runtime + paths.database).contains(root.path) && paths.database != "/other.db")
    }

    @Test func `the variables of the units are used where they are not set`() throws {
        try install([
            "environment": "# the account\n\n IG_DEMO = false\n;X=1\nCANDLEWICK_DATABASE='/a b.db'\nIG_ACC_NUMBER=Z\n"
        ])
        let state = root.path + "/var/lib/candlewick"
        let environment = environment(["CANDLEWICK_STATE_DIR": state, "IG_ACC_NUMBER": "Y", "IG_DEMO": ""])
        #expect(environment["IG_DEMO"] == "false" && environment["IG_ACC_NUMBER"] == "Y" && environment["X"] == nil)
        let paths = try Paths(environment: environment)
        #expect(paths.database == "/a b.db" && paths.runtime == root.path + "/run/candlewick")
    }

    @Test(.enabled(if: geteuid() == 0))
    func `what stages of another user work on is not touched, and variables for root only are left out`() async throws {
        try install(["environment": "CANDLEWICK_DATABASE=/other.db\n"])
        for folder in ["run", "var/lib/candlewick"] {
            try FileManager.default.createDirectory(atPath: root.path + "/\(folder)", withIntermediateDirectories: true)
        }
        chmod(root.path, 0o755)
        chmod(root.path + "/etc/candlewick/environment", 0o600)
        let (root, home) = (root.path, home)
        try await asNobody {
            let installed = InstalledFolders(root: root)
            #expect(installed?.hidesEnvironment == true)
            let paths = try Paths(environment: Environment(home).completed(by: installed))
            #expect(paths.database == root + "/var/lib/candlewick/candlewick.db")
        }
        chown(root + "/var/lib/candlewick", 65_534, 65_534)
        let paths = try Paths(environment: environment(home))
        #expect(paths.database == "/other.db")
        let failure = #expect(throws: Failure.self) { try paths.prepare() }
        #expect(failure?.code == .notPermitted && failure?.description.contains("runuser -u nobody -- ") == true)
    }
}
