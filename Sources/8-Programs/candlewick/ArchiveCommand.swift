internal import Archive
internal import ArgumentParser
internal import Host
internal import Inspection
internal import Settings
internal import Wire

struct ArchiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Keeps the streams for ever, in Parquet files.",
        discussion: """
            The archive is the folder 'archive' in the state folder. 'run' moves closed
            segments of the journals there; from the first run on age deletes no segment
            that is not archived. The other commands leave the archive as it is.
            \(Document.path("archive.md")) describes the files, and how other programs read them.
            """,
        subcommands: [Run.self, Check.self, List.self, Restore.self])

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves the closed segments of the journals into the archive.",
            discussion: """
                It may run beside the stages, and be killed at any moment: what it wrote
                counts only when it has read it back, compared it with the journal byte for
                byte, and entered it into the manifest. The segment that a stage is writing
                stays.

                With --due, as candlewick-archive.timer runs it, it leaves a stream alone
                until its oldest closed segment is a day old, so that a file holds about a
                day.

                EXIT CODES
                  65 a journal or manifest is damaged, journal and archive do not belong
                  together, or another file is in the way; 74 too little room on the disk;
                  75 another process archives, or a segment was dropped meanwhile;
                  77 the journals belong to another user

                EXAMPLES
                  candlewick archive run
                  candlewick archive run --collector b --json
                """)

        @Flag(help: "Only streams with a closed segment that is a day old.")
        var due = false

        @Option(help: "Only this collector; default: all of this machine.")
        var collector: String?

        @OptionGroup var output: OutputOptions

        func run() {
            look { (paths: Paths, collectors: Collectors) in
                let wanted = try collector.map { [try collectors.chosen($0)] } ?? collectors.all
                output.show(
                    try ArchiveRunReport(
                        of: wanted.filter(paths.hasRun), paths: paths, dueAt: due ? Clock.system.now() : nil))
            }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads the whole archive and names each damaged file.",
            discussion: """
                Compares size and checksum of every file with the manifest, and makes every
                segment again to compare its checksum too. Changes nothing. Names each damaged
                file, and which pair, day and positions it holds.

                Exit code 0 if nothing is damaged, 65 if something is, 69 if nothing is
                archived.

                EXAMPLES
                  candlewick archive check
                  candlewick archive check ticks --json
                """)

        @OptionGroup var journaled: JournaledStreamArgument
        @OptionGroup var collector: CollectorOption
        @OptionGroup var output: OutputOptions

        func run() {
            look { paths in
                let report = try ArchiveCheckReport(paths: try collector.chosen(paths), stream: journaled.stream)
                output.show(report)
                if report.isDamaged {
                    throw Failure(.badData, "damaged: \(Document.path("archive.md")), 'Damage', explains what to do")
                }
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what the archive holds, by month.",
            discussion: """
                Reads the manifests alone.

                EXAMPLES
                  candlewick archive list
                  candlewick archive list ticks --json
                """)

        @OptionGroup var journaled: JournaledStreamArgument
        @OptionGroup var collector: CollectorOption
        @OptionGroup var output: OutputOptions

        func run() {
            look { paths in
                output.show(try ArchiveListing(paths: try collector.chosen(paths), stream: journaled.stream))
            }
        }
    }
}

extension ArchiveCommand {
    struct Restore: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes segments of a journal again, byte for byte.",
            discussion: """
                Writes each archived segment that holds one of the positions, under its name,
                and checks it against the manifest. Overwrites no file.

                EXAMPLES
                  candlewick archive restore --stream ticks --into again
                  candlewick archive restore --stream ticks --from 1048577 --until 2097152 --into again
                """)

        @Option(
            help: "ticks, candles, history, native or refold.", completion: .list(Stream.journaledNames),
            transform: Stream.journaled)
        var stream: Stream

        @Option(help: "The first position that is wanted.")
        var from: UInt64 = 1

        @Option(help: "The last position that is wanted.")
        var until: UInt64 = .max

        @Option(help: "The folder for the segments; it is made if it is missing.", completion: .directory)
        var into: String

        @OptionGroup var collector: CollectorOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard from <= until else { throw ValidationError("--from must not be above --until") }
        }

        func run() {
            look { paths in
                let made = try ArchiveRestore.restore(
                    stream, try collector.chosen(paths), positions: from...until, into: into)
                output.show(Outcome(made.joined(separator: "\n")))
            }
        }
    }
}
