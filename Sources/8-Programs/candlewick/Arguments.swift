internal import Engines
internal import Store
internal import Reports
public import ArgumentParser
public import CandleFiles
internal import Host
public import Inspection
internal import Logging
public import MarketData
public import Recording
internal import Settings
internal import Wire

extension Pair: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Timeframe: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension CandleTable.Format: ExpressibleByArgument {}
extension CandleTable.Side: ExpressibleByArgument {}
extension CandleExport.Format: ExpressibleByArgument {}
extension CandleExport.View: ExpressibleByArgument {}
extension TickExport.Format: ExpressibleByArgument {}

extension Stream {
    /// The streams that have a journal, as a person names them.
    static let journaledNames = journaled.map(\.rawValue)

    /// One of them.
    static func journaled(_ name: String) throws -> Stream {
        guard let stream = Stream(rawValue: name), journaled.contains(stream) else {
            throw ValidationError("'\(name)' is not one of \(journaledNames.joined(separator: ", "))")
        }
        return stream
    }
}

/// A length of time as a person writes it: `30s`, `2m`, `1h`, or seconds without a unit.
struct RunTime: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? argument[...] : argument.dropLast()),
            (1...1_000_000).contains(number)
        else { return nil }
        seconds = number * (unit ?? 1)
    }
}

extension TapStart: ExpressibleByArgument {
    /// `now`, `oldest` or a position.
    public init?(argument: String) {
        switch argument {
        case "now": self = .now
        case "oldest": self = .oldest
        default:
            // Far more than any stream gives, and far from the end of 64 bits.
            guard let position = UInt64(argument), (1...(1 << 56)).contains(position) else { return nil }
            self = .position(position)
        }
    }
}

extension Logger {
    /// For commands whose output is for a person.
    static var errorsOnly: Logger {
        var logger = Logger(label: "candlewick")
        logger.logLevel = .error
        return logger
    }
}

/// A moment as a person writes it: see `UTCNanos.init(text:)`.
struct Moment: ExpressibleByArgument {
    let time: UTCNanos

    init?(argument: String) {
        guard let time = UTCNanos(text: argument) else { return nil }
        self.time = time
    }

    static let help = "UTC: 2026-11-23, 2026-11-23T14:10, 2026-11-23T14:10:05Z, or Unix seconds"
}

/// The stretch of time whose candles are wanted: those that start in `[since, until)`.
struct RangeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Candles that start at this moment or later. \(Moment.help)."))
    var since: Moment?

    @Option(help: "Candles that start before this moment.")
    var until: Moment?

    func validate() throws {
        if let since, let until, since.time >= until.time {
            throw ValidationError("--until must be later than --since")
        }
    }

    /// All time without either.
    var range: Range<UTCSeconds> { (since?.time.seconds ?? .min)..<(until?.time.seconds ?? .max) }

    /// ` that start in this time`, if a time was named.
    var words: String { since == nil && until == nil ? "" : " that start in this time" }
}

/// One of the streams that have a journal, or all of them.
struct JournaledStreamArgument: ParsableArguments {
    @Argument(
        help: "ticks, candles, history, native or refold; default: all.",
        completion: .list(Stream.journaledNames), transform: Stream.journaled)
    var stream: Stream?
}

/// Whose streams are looked at.
struct CollectorOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The collector whose streams are meant; default: the configuration's, or the only one.", valueName: "name"))
    var collector: String?

    /// The folders of the chosen collector.
    /// - Throws: `Failure` (64) if no collector has this name, (78) if a configuration is needed and wrong.
    func chosen(_ paths: Paths) throws -> Paths {
        let here = paths.collectors.filter(paths.hasRun)
        return collector == nil && here.count == 1 ? paths.of(here[0]) : try configured(paths).paths
    }

    /// The same, and the collector's configuration; without a file, that of the environment.
    func configured(_ paths: Paths) throws -> (paths: Paths, configuration: Configuration) {
        let collectors = try Collectors(environment: .process, paths: paths)
        let chosen = try collectors.chosen(collector)
        return (paths.of(chosen), collectors.configuration(of: chosen) ?? collectors.own)
    }
}

/// How a report is shown.
struct OutputOptions: ParsableArguments {
    @Flag(help: "One JSON value instead of text.")
    var json = false

    func show(_ report: some Report) {
        Program.write(standardOutput: json ? report.json : report.text(.terminal))
    }
}

/// The outcome of a command, in a sentence.
struct Outcome: Report, Encodable {
    let done: String

    init(_ done: String) { self.done = done }

    func text(_ style: TextStyle) -> String { done + "\n" }
}

/// Which part of the store a report is about.
struct SeriesOptions: ParsableArguments {
    @Argument(help: "Pairs; default: all stored pairs.")
    var pairs: [Pair] = []

    @Option(name: .shortAndLong, help: "Only this timeframe: 5, 5m, 15m, 1h.")
    var timeframe: Timeframe?

    func validate() throws {
        // Every word of letters and digits may be an instrument's name, but none is called 5m.
        if let name = pairs.lazy.map({ "\($0)".lowercased() }).first(where: { Timeframe($0) != nil }) {
            throw ValidationError("\(name) is a timeframe, not a pair: write --timeframe \(name)")
        }
    }
}

extension TextStyle {
    /// Colours on a terminal only, and not where NO_COLOR is set.
    static var terminal: TextStyle { TextStyle(hasColours: Terminal.hasColours(.process)) }
}

extension ParsableCommand {
    /// The same with the collectors of this machine.
    func look(_ body: (Paths, Collectors) throws -> Void) -> Never {
        look { try body($0, try Collectors(environment: .process, paths: $0)) }
    }

    /// Runs what only looks, with the folders of the environment.
    func look(_ body: (Paths) throws -> Void) -> Never {
        Program.run("candlewick") { _ in try body(try Paths(environment: .process)) }
    }

    /// The same with a reader of the database.
    func read(_ body: (any CandleQueries) throws -> Void) -> Never {
        look { try body(try storeEngine.openReader($0)) }
    }
}
