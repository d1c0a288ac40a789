internal import ArgumentParser
internal import Host
internal import MarketData
internal import Recording
internal import Streams
internal import Wire

struct TapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Prints a stream live, or from a position on.",
        discussion: """
            One line for each record; with --json one object, with the fields of
            \(Document.path("formats.md")). Begins now; with --from it reads archive and journal from
            there and continues live: each position once, in order. Never delays a stage.
            Ends on Ctrl-C, after --for, or after --count; with 69 if --for passed without
            a record and the stage that sends them does not run.

            STREAMS
              ticks     all records of the ticks stream: TICK, CLCK, FEED
              candles   candles from the aggregator
              history   candles and requests from ingest-backfill
              native    the broker's own candles, for comparison
              refold    candles of the past in a further timeframe, from candlewick refold
              stored    candles just committed to the database
              forming   candles of the present intervals, and each pair's last tick, at
                        most every 250 ms each; a candle with a position is over
              feed      the feed's events alone: sessions, blind times, lost updates
              status    the status of each stage, once a second (always JSON)

            With --from-host it taps a pipeline on another machine, through
            candlewick-relay there: encrypted, and without a seam as here, but from the
            journal alone: a relay does not serve the archive. Each collector has a relay
            of its own. The command 'candlewick keys' makes the keys.

            EXAMPLES
              candlewick tap ticks --pair EUR_USD --pair USD_JPY
              candlewick tap candles --from oldest --count 10
              candlewick tap ticks --from 1000000 --json | head
              candlewick tap ticks --from-host HOST:7411 --server-key FILE --key FILE
            """)

    /// A stream, a part of one, or the stages' status.
    enum View: String, CaseIterable, ExpressibleByArgument {
        case ticks, candles, history, native, refold, stored, forming, feed, status
    }

    @Argument(help: "The stream: \(View.allCases.map(\.rawValue).joined(separator: ", ")).")
    var stream: View

    @OptionGroup var collector: CollectorOption

    @Option(name: .shortAndLong, help: "Only this pair; may be repeated.")
    var pair: [Pair] = []

    @Option(help: "now, oldest, or a position of the stream (from 1).")
    var from = TapStart.now

    @Option(name: .customLong("for"), help: "Duration: 30s, 2m, 1h; default: until stopped.")
    var runTime: RunTime?

    @Option(help: "End after this number of lines.")
    var count: Int?

    @Flag(help: "Print one JSON object for each record.")
    var json = false

    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1, not \(count)") }
        if stream == .status, !pair.isEmpty { throw ValidationError("status has no pairs") }
        if remote.fromHost != nil, collector.collector != nil {
            throw ValidationError(
                "--collector does not go with --from-host: a relay serves one collector, so give the address of its relay"
            )
        }
        if from == .now { return }
        if [.status, .stored, .forming].contains(stream) {
            throw ValidationError("\(stream.rawValue) has no journal: it is tapped from now only")
        }
    }

    func run() {
        look { all in
            let stop = try StopSignal()
            let paths = try collector.chosen(all)
            var lines = LineOutput(limit: count, until: stop, seconds: runTime?.seconds)
            switch stream {
            case .status: try tapStatus(paths, &lines, stop)
            case .ticks: try tap(TickEnvelope.self, .ticks, paths, &lines, stop) { isWanted($0.pair) }
            case .feed:
                try tap(TickEnvelope.self, .ticks, paths, &lines, stop) { $0.kind == .feed && isWanted($0.pair) }
            case .candles: try tapCandles(.candles, paths, &lines, stop)
            case .history: try tapCandles(.history, paths, &lines, stop)
            case .native: try tapCandles(.native, paths, &lines, stop)
            case .refold: try tapCandles(.refold, paths, &lines, stop)
            case .stored: try tapCandles(.stored, paths, &lines, stop)
            case .forming: try tapForming(paths, &lines, stop)
            }
        }
    }

    private func tapCandles(
        _ stream: Stream, _ paths: Paths, _ lines: inout LineOutput, _ stop: StopSignal
    ) throws {
        try tap(CandleEnvelope.self, stream, paths, &lines, stop) { isWanted($0.pair) }
    }

    private func isWanted(_ pair: Pair) -> Bool { self.pair.isEmpty || self.pair.contains(pair) }

    private func tap<Record: StreamEnvelope & LineConvertible>(
        _ type: Record.Type, _ stream: Stream, _ paths: Paths, _ lines: inout LineOutput, _ stop: StopSignal,
        isWanted: (Record) -> Bool
    ) throws {
        let tap =
            if let login = try remote.login {
                try Tap<Record>(stream: stream, relay: login, from: from, stop: stop.descriptor, logger: .errorsOnly)
            } else {
                try Tap<Record>(stream: stream, paths: paths, from: from, logger: .errorsOnly)
            }
        var sender = remote.fromHost == nil ? try Sender(stream, paths) : nil
        var mustKnowPairs = sender != nil && !pair.isEmpty
        if mustKnowPairs, from == .now { try KnownPairs(paths).expect(pair) }
        var missing: UInt64 = 0
        while lines.isOpen {
            _ = try tap.poll(milliseconds: lines.milliseconds(atMost: 250), stop: stop.descriptor) { record in
                if isWanted(record) { lines.add(json ? record.json : record.line) }
            }
            // The past had none of them, and one that is not known will not come.
            if mustKnowPairs, tap.isLive {
                mustKnowPairs = false
                if lines.isEmpty { try KnownPairs(paths).expect(pair) }
            }
            if lines.isEmpty { sender?.wait() }
            lines.flush()
            if tap.missing > missing {
                Program.write(
                    standardError:
                        "candlewick: \(tap.missing - missing) positions of \(stream.rawValue) are missing here\n")
                missing = tap.missing
            }
        }
        if lines.wasSilent { try sender?.expectRunning() }
    }

    private func tapForming(_ paths: Paths, _ lines: inout LineOutput, _ stop: StopSignal) throws {
        let live: any LiveSource =
            if let login = try remote.login {
                try login.subscriber(Stream.forming.rawValue)
            } else {
                try Subscriber(context: try BusContext(), endpoint: try paths.endpoint(.forming))
            }
        var sender = remote.fromHost == nil ? try Sender(.forming, paths) : nil
        if sender != nil { try KnownPairs(paths).expect(pair) }
        while lines.isOpen {
            live.wait(milliseconds: lines.milliseconds(atMost: 250), stop: stop.descriptor)
            while lines.isOpen,
                try live.receive({ message in
                    if let record = CandleEnvelope(bytes: message), isWanted(record.pair) {
                        lines.add(json ? record.json : record.line)
                    } else if let record = TickEnvelope(bytes: message), isWanted(record.pair) {
                        lines.add(json ? record.json : record.line)
                    }
                })
            {}
            if lines.isEmpty { sender?.wait() }
            lines.flush()
        }
        if lines.wasSilent { try sender?.expectRunning() }
    }

    private func tapStatus(_ paths: Paths, _ lines: inout LineOutput, _ stop: StopSignal) throws {
        if let login = try remote.login { return try tapStatus(login, &lines, stop) }
        let collectors = collector.collector == nil ? paths.collectors : [paths.collector]
        let listener = try StatusListener(paths: paths, collectors: collectors, clock: .system)
        var sender = try Sender(statusOf: collectors, paths)
        while lines.isOpen {
            listener.listen(milliseconds: lines.milliseconds(atMost: 250), stop: stop.descriptor) { heard, json in
                lines.add(statusLine(heard.stage, paths.collectors.count > 1 ? heard.collector : nil, json))
            }
            if lines.isEmpty { sender.wait() }
            lines.flush()
        }
        if lines.wasSilent { try sender.expectRunning() }
    }

    private func tapStatus(_ login: RelayLogin, _ lines: inout LineOutput, _ stop: StopSignal) throws {
        let live = try login.subscriber(RelayMessage.statusName)
        while lines.isOpen {
            live.wait(milliseconds: lines.milliseconds(atMost: 250), stop: stop.descriptor)
            while lines.isOpen,
                try live.receive({ message in
                    guard let (stage, json) = StatusListener.stageAndJSON(message) else { return }
                    lines.add(statusLine(stage, nil, json))
                })
            {}
            lines.flush()
        }
    }

    /// - Parameter collector: whose stage it is, if there are several.
    private func statusLine(_ stage: Stage, _ collector: Collector?, _ json: UnsafeRawBufferPointer) -> String {
        let name = collector.map { "\"collector\":\"\($0)\"," } ?? ""
        return "{\"stage\":\"\(stage)\",\(name)\"status\":\(String(decoding: json, as: UTF8.self))}"
    }
}
