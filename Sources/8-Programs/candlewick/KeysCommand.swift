internal import ArgumentParser
internal import Host
internal import Reports
internal import Streams

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes keys for candlewick-relay and says who may connect.",
        discussion: """
            A pair is two files in the folder keys of the state folder: NAME.key_public,
            which may be shown, and NAME.key_secret, which stays where it was made. The
            relay's own pair is named 'server'. Who may connect has a file in keys/allowed,
            which the relay reads at each connection: no restart is needed. If a key is
            removed, its client is cut off within two seconds and refused from then on.

            EXAMPLES
              candlewick keys new --server                  the relay's own pair, once
              candlewick keys new desk                      a client's pair, on its machine
              candlewick keys allow desk.key_public desk    on the relay's machine
              candlewick keys list
              candlewick keys remove desk
            """,
        subcommands: [New.self, Allow.self, List.self, Remove.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a pair of keys. Never overwrites one.")

        @Argument(help: "The name of the pair: 1 to 64 letters, digits, '.', '_' and '-'.")
        var name: String?

        @Flag(help: "The relay's own pair.")
        var server = false

        func validate() throws {
            if server != (name == nil) { throw ValidationError("give a name, or --server for the relay's own pair") }
            if name == KeyFolder.serverName { throw ValidationError("'server' is the relay's own pair: --server") }
        }

        func run() {
            change { keys in
                let name = name ?? KeyFolder.serverName
                let pair = try keys.make(name)
                let next =
                    server
                    ? "Clients need the public key: --server-key"
                    : "On the relay's machine: candlewick keys allow '\(pair.publicKey)' \(name)"
                return """
                    secret key  \(keys.secretFile(name))
                    public key  \(keys.publicFile(name))
                                \(pair.publicKey)
                    \(next)

                    """
            }
        }
    }

    struct Allow: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a client connect, from now on.")

        @Argument(help: "The client's public key, or a file that holds it (NAME.key_public).", completion: .file())
        var key: String

        @Argument(help: "Under which name.")
        var name: String

        func run() {
            change { keys in
                try keys.allow(try CurveKey(key) ?? KeyFolder.readKey(key), as: name)
                return "\(name) may connect\n"
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuses a client from now on, and ends its connection.")

        @Argument(help: "The name under which it was allowed.")
        var name: String

        func run() {
            change { keys in
                try keys.remove(name)
                return "\(name) may not connect any more\n"
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the pairs of this machine and the keys that may connect, never a secret.")

        @OptionGroup var output: OutputOptions

        func run() {
            look { paths in
                let keys = KeyFolder(paths)
                let rows =
                    try keys.pairs().map { KeyList.Row($0, $0.name == KeyFolder.serverName ? "relay" : "own") }
                    + keys.allowed().map { KeyList.Row($0, "allowed") }
                output.show(KeyList(keys: rows))
            }
        }
    }
}

extension ParsableCommand {
    /// Changes key files, for their owner alone; prints what was done.
    fileprivate func change(_ body: (KeyFolder) throws -> String) -> Never {
        look { paths in
            try makeFolder(paths.state)
            try expectOwner(of: paths.state, "change keys")
            Program.write(standardOutput: try body(KeyFolder(paths)))
        }
    }
}

private struct KeyList: Report, Encodable {
    struct Row: Encodable {
        let name: String
        /// `relay`, `own` or `allowed`.
        let kind: String
        let publicKey: String

        init(_ key: KeyFolder.Allowed, _ kind: String) {
            (name, self.kind, publicKey) = (key.name, kind, key.key.description)
        }
    }

    let keys: [Row]

    func text(_ style: TextStyle) -> String {
        if keys.isEmpty { return "no keys: candlewick keys new --help\n" }
        let table = TextTable(
            head: ["name", "kind", "public key"], rows: keys.map { [$0.name, $0.kind, $0.publicKey] },
            leftAligned: ["name", "kind", "public key"])
        return table.text(style)
    }
}
