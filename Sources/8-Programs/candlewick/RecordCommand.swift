internal import ArgumentParser
internal import Host
internal import MarketData
internal import Recording
internal import Wire

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Copies a part of a stream into a folder, for 'replay'.",
        discussion: """
            The folder is laid out as a state folder: FOLDER/journal/STREAM, with the same
            records, positions and checksums. So 'journal check' and 'tap' read it with
            CANDLEWICK_STATE_DIR=FOLDER. Begins now, or in archive or journal with --from
            or --since, and continues live: each position once. Ends on Ctrl-C, after
            --for, at --until, or with --stored at the journal's present end; with 69 if
            no record came.

            EXAMPLES
              candlewick record monday --for 1h
              candlewick record monday --since 2026-11-23 --until 2026-11-24 --stored
              candlewick record bought history --from oldest --stored
            """)

    @Argument(help: "The folder; must not hold a recording of the stream.", completion: .directory)
    var folder: String

    @Argument(
        help: "ticks, history, candles, native or refold.", completion: .list(Stream.journaledNames),
        transform: Stream.journaled)
    var stream = Stream.ticks

    @OptionGroup var collector: CollectorOption

    @Option(help: "now, oldest, or a position of the stream (from 1).")
    var from: TapStart?

    @Option(help: ArgumentHelp("Begin at the first record of this feed time. \(Moment.help)."))
    var since: Moment?

    @Option(help: "End before the first record of this feed time.")
    var until: Moment?

    @Option(name: .customLong("for"), help: "Duration: 30s, 2m, 1h.")
    var runTime: RunTime?

    @Flag(help: "Copy the records that archive and journal hold now, then end.")
    var stored = false

    @Flag(help: "Print the summary as one JSON object.")
    var json = false

    func validate() throws {
        if from != nil, since != nil { throw ValidationError("--from and --since exclude each other") }
        if stored, from == nil, since == nil {
            throw ValidationError("--stored needs --from or --since: from now on nothing is stored yet")
        }
        if let since, let until, since.time >= until.time {
            throw ValidationError("--until must be later than --since")
        }
    }

    func run() {
        look { all in
            let stop = try StopSignal()
            let paths = try collector.chosen(all)
            switch stream {
            case .ticks: try record(TickEnvelope.self, paths, stop)
            case .history, .candles, .native, .refold, .stored, .forming: try record(CandleEnvelope.self, paths, stop)
            }
        }
    }

    private func record<Record: StreamEnvelope>(_ type: Record.Type, _ paths: Paths, _ stop: StopSignal) throws {
        let recorder = try Recorder<Record>(
            stream, paths: paths, from: from ?? (since == nil ? .now : .oldest), since: since?.time,
            until: until?.time, into: try Paths(state: folder).of(paths.collector), logger: .errorsOnly)
        if !json { Program.ready([("stream", stream.rawValue), ("folder", folder)]) }
        var sender = stored ? nil : try Sender(stream, paths)
        let end = runTime.map { Clock.system.monotonic() + $0.seconds * UTCNanos.perSecond } ?? .max
        while !recorder.isOver, !stop.isRaised, Clock.system.monotonic() < end {
            let count = try recorder.poll(milliseconds: stored ? 0 : 250, stop: stop.descriptor)
            if stored, count == 0 { break }
            if recorder.count == 0 { sender?.wait() }
        }
        try recorder.close()
        guard recorder.count > 0 else {
            if !stop.isRaised, !recorder.isOver { try sender?.expectRunning() }
            throw Failure(.unavailable, "\(stream.rawValue) had no record in this time")
        }
        let facts = (recorder.count, recorder.first, recorder.last)
        Program.write(
            standardOutput: json
                ? "{\"stream\":\"\(stream.rawValue)\",\"records\":\(facts.0),\"first\":\(facts.1),\"last\":\(facts.2)}\n"
                : "\(facts.0) records of \(stream.rawValue), positions \(facts.1) to \(facts.2), in \(folder)\n")
    }
}
