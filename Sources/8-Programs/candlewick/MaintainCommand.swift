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
        abstract: "Keeps the database in order: statistics, check, backup, clear, analyse, vacuum.",
        discussion: """
            All of it may be done while the pipeline runs. 'stats', 'check' and 'backup'
            only read. 'clear', 'analyse' and 'vacuum' are done by the one writer:
            store-writer, where it runs, between two batches; else this command, under the
            writer's lock. Only the database's owner may ask for them.
            """,
        subcommands: [Stats.self, Check.self, Backup.self, Clear.self, Analyse.self, Vacuum.self])

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows what the database holds, by source.")

        @OptionGroup var output: OutputOptions

        func run() { readFile { output.show(try DatabaseReport($0)) } }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks the whole file.",
            discussion: "Exit code 0 where it is sound, 65 otherwise. Reads everything: a second for some 100 MB.")

        @OptionGroup var output: OutputOptions

        func run() {
            readFile { reader in
                let findings = try reader.integrityFindings()
                let text = findings.isEmpty ? "sound: \(reader.path)" : findings.joined(separator: "\n")
                output.show(Outcome(text))
                guard findings.isEmpty else {
                    throw Failure(.badData, "database \(reader.path) is damaged: see docs/operations.md for what to do")
                }
            }
        }
    }

    struct Backup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies the database into one file, beside the writer.",
            discussion: """
                The copy is that of one moment, and appears under its name when it is whole.
                Put it in the place of a lost database: store-writer then takes in what its
                journal still holds beyond it.

                EXAMPLES
                  candlewick maintain backup /backup/candles-$(date +%F).db
                """)

        @Argument(help: "The file; must not be there yet.", completion: .file())
        var file: String

        @OptionGroup var output: OutputOptions

        func run() {
            readFile { reader in
                try reader.backUp(to: file)
                output.show(Outcome("\(DiskUsage.size(ofFile: file)) bytes written to \(file)"))
            }
        }
    }

    struct Clear: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes old candles and feed events.",
            discussion: """
                Counted back from the newest candle. The room is used by new rows; 'vacuum'
                gives it back to the disk.

                EXAMPLES
                  candlewick maintain clear --days 365
                """)

        @Option(help: "What is older than so many days.")
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
                return .clear(before: newest - Int64(days) * 86_400)
            }
        }
    }

    struct Analyse: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Renews the statistics of the query planner.")

        @OptionGroup var output: OutputOptions

        func run() { perform(output) { _ in .analyse } }
    }

    struct Vacuum: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rewrites the file, so that deleted rows take no room.",
            discussion: "Needs twice as much free disk again. What comes meanwhile waits in the journal.")

        @OptionGroup var output: OutputOptions

        func run() { perform(output) { _ in .vacuum } }
    }
}

extension ParsableCommand {
    fileprivate func readFile(_ body: (SQLiteReader) throws -> Void) -> Never {
        look { try body(try SQLiteReader(path: $0.database)) }
    }

    fileprivate func perform(_ output: OutputOptions, _ task: (any CandleQueries) throws -> MaintenanceTask) -> Never {
        look { paths in
            let stop = try StopSignal()
            let task = try task(try storeEngine.openReader(paths))
            output.show(Outcome(try Maintenance.perform(task, paths: paths, stop: stop)))
        }
    }
}
