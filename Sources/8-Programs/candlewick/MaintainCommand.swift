internal import Engines
internal import ArgumentParser
internal import Host
internal import Inspection
internal import MarketData
internal import SQLiteStore
internal import Store
internal import StoreWriting

struct MaintainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain",
        abstract: "Maintains the database: stats, check, backup, clear, analyse, vacuum.",
        discussion: """
            All subcommands may run beside the pipeline. 'stats', 'check' and 'backup'
            only read. If store-writer runs, it does 'clear', 'analyse' and 'vacuum'
            between two batches; else this command does this work under the writer's
            lock. Only the database's owner may run these three.
            """,
        subcommands: [Stats.self, Check.self, Backup.self, Clear.self, Analyse.self, Vacuum.self])

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Counts the stored candles by source.")

        @OptionGroup var output: OutputOptions

        func run() { read { output.show(try DatabaseReport($0)) } }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks the whole database file for damage.",
            discussion: "Exit code 0 if it is sound, 65 otherwise. Reads everything: about a second for 100 MB.")

        @OptionGroup var output: OutputOptions

        func run() {
            readFile(else: "ask pg_amcheck") { reader, _ in
                let findings = try reader.integrityFindings()
                let text = findings.isEmpty ? "sound: \(reader.path)" : findings.joined(separator: "\n")
                output.show(Outcome(text))
                guard findings.isEmpty else {
                    throw Failure(
                        .badData,
                        "database \(reader.path) is damaged: \(Document.path("operations.md")) explains what to do")
                }
            }
        }
    }

    struct Backup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies the database into one file while the pipeline runs.",
            discussion: """
                The copy shows one moment, and appears under its name when it is complete.
                If the database is lost, put the copy in its place: store-writer then adds
                the newer candles that the journal still holds.

                EXAMPLES
                  candlewick maintain backup /backup/candles-$(date +%F).db
                """)

        @Argument(help: "The new file; must not exist.", completion: .file())
        var file: String

        @OptionGroup var output: OutputOptions

        func run() {
            readFile(else: "copy it with pg_dump") { reader, paths in
                try reader.backUp(to: file)
                // Another user's backup is one all the same; monitoring then does not see it.
                TimeMark.lastBackup(stateFolder: paths.state).set()
                output.show(Outcome("\(DiskUsage.size(ofFile: file)) bytes written to \(file)"))
            }
        }
    }

    struct Clear: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes old candles and feed events.",
            discussion: """
                The age counts back from the newest candle. New rows reuse the space;
                'vacuum' returns it to the disk.

                EXAMPLES
                  candlewick maintain clear --days 365
                """)

        @Option(help: "Delete rows older than this number of days.")
        var days: Int

        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...36_600).contains(days) else { throw ValidationError("--days must be 1 to 36,600") }
        }

        func run() {
            perform(output) { reader in
                guard let newest = try reader.statistics().map(\.newest).max() else {
                    throw Failure(.unavailable, "no candle is stored in \(reader.path)")
                }
                return .clear(before: newest - .seconds(days * 86_400))
            }
        }
    }

    struct Analyse: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Updates the statistics of the query planner.", aliases: ["analyze"])

        @OptionGroup var output: OutputOptions

        func run() { perform(output) { _ in .analyse } }
    }

    struct Vacuum: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rewrites the file without the space of deleted rows.",
            discussion: "Needs free disk space of twice the file's size. New candles wait in the journal meanwhile.")

        @OptionGroup var output: OutputOptions

        func run() { perform(output) { _ in .vacuum } }
    }
}

extension ParsableCommand {
    /// - Parameter other: what to do if the database is no file.
    fileprivate func readFile(else other: String, _ body: (SQLiteReader, Paths) throws -> Void) -> Never {
        look { paths in
            guard !paths.isDatabaseServed else {
                throw Failure(.usage, "database \(paths.database) is on a PostgreSQL server, and no file: \(other)")
            }
            try body(try SQLiteReader(path: paths.database), paths)
        }
    }

    fileprivate func perform(_ output: OutputOptions, _ task: (any CandleQueries) throws -> MaintenanceTask) -> Never {
        look { paths in
            let stop = try StopSignal()
            let task = try task(try storeEngine.openReader(paths))
            output.show(Outcome(try Maintenance.perform(task, paths: paths, stop: stop)))
        }
    }
}
