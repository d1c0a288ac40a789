internal import FoundationEssentials
public import Host
public import MarketData
public import Wire

/// The collectors of this machine, and the configuration of each: the main file, and the files of further collectors,
/// `collectors/*.yaml` beside it. Source: docs/configuration.md.
public struct Collectors: Sendable {
    /// What the environment names, or the defaults.
    public let own: Configuration
    /// One for each file, the own one first, then by the file's name; the defaults if there is no file.
    public let configurations: [Configuration]
    /// Those that have a file, and those that have ever run here, by name.
    public let all: [Collector]
    /// The file of each collector that has one.
    public let files: [Collector: String]
    /// What two of the files say differently of one instrument.
    public let disagreements: [Disagreement]

    public struct Disagreement: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            /// The candles of one of them have wrong prices.
            case scale
            case hours
        }

        public let pair: Pair
        public let kind: Kind
        /// Such as `hours de40 in main, fx in eu`.
        public let text: String
    }

    /// - Throws: `Failure` (78) if a file is wrong, or if two are of one collector.
    public init(environment: Environment, paths: Paths) throws {
        let own = try Configuration.load(environment: environment)
        guard let path = Configuration.path(environment) else {
            self.init(own: own, ran: paths.collectors)
            return
        }
        var files = [own.collector: path]
        var others: [Configuration] = []
        for other in Collectors.files(beside: path) {
            let configuration = try Configuration(path: other, origin: "the folder of the configuration")
            if let former = files[configuration.collector] {
                throw Failure(
                    .configuration,
                    "\(former) and \(other) are both of the collector \(configuration.collector): set 'collector:' in one of them to another name"
                )
            }
            files[configuration.collector] = other
            others.append(configuration)
        }
        self.init(own: own, others: others, files: files, ran: paths.collectors.filter(paths.hasRun))
    }

    /// - Parameter ran: those that have run here.
    public init(
        own: Configuration, others: [Configuration] = [], files: [Collector: String] = [:], ran: [Collector] = []
    ) {
        self.own = own
        configurations = [own] + others
        self.files = files
        let named = files.isEmpty && others.isEmpty ? [] : configurations.map(\.collector)
        let all = Set(named + ran)
        self.all = all.isEmpty ? [own.collector] : all.sorted()
        disagreements = Collectors.disagreements(configurations)
    }

    /// The file of `own`; `nil` if it is the defaults.
    public var ownFile: String? { files[own.collector] }

    /// What a collector's file says; `nil` if it has none.
    public func configuration(of collector: Collector) -> Configuration? {
        configurations.first { $0.collector == collector && (files[collector] != nil || files.isEmpty) }
    }

    /// The instance of the systemd units of its stages; `nil`: the units without one.
    public func instance(of collector: Collector) -> String? {
        guard let file = files[collector] else { return collector.label }
        let url = URL(filePath: file).standardizedFileURL
        let isFurther = url.deletingLastPathComponent().lastPathComponent == Configuration.collectorsFolder
        return isFurther ? url.deletingPathExtension().lastPathComponent : nil
    }

    /// Of all, those of the own file first, in the files' order.
    public var pairs: [Pair] {
        var seen: Set<Pair> = []
        return configurations.flatMap(\.instruments).map(\.pair).filter { seen.insert($0).inserted }
    }

    /// When each instrument of any of them is traded; the own file's word counts first.
    public var calendar: TradingCalendar { TradingCalendar(configurations.flatMap(\.instruments)) }

    /// Of all, by length.
    public var timeframes: [Timeframe] { Array(Set(configurations.flatMap(\.timeframes))).sorted() }

    /// The collector whose streams are meant.
    /// - Parameter name: `nil`: the own one, or the only one.
    /// - Throws: `Failure` (64) if no collector has this name.
    public func chosen(_ name: String?) throws -> Collector {
        try Collectors.chosen(name, of: all, own: own.collector)
    }

    /// - Parameters:
    ///   - name: `nil`: the own one, or the only one.
    ///   - known: at least one.
    /// - Throws: `Failure` (64) if no collector has this name.
    public static func chosen(_ name: String?, of known: [Collector], own: Collector) throws -> Collector {
        guard let name else { return known.contains(own) ? own : known[0] }
        if let collector = known.first(where: { $0.name == name }) { return collector }
        let names = known.map(\.name).joined(separator: ", ")
        throw Failure(
            .usage,
            "there is no collector '\(name)' here: \(known.count == 1 ? "the only one is" : "known are") \(names)")
    }

    // MARK: Files

    /// The files of the other collectors.
    /// - Parameter path: the main file, or one of the folder `collectors`.
    private static func files(beside path: String) -> [String] {
        let whole = URL(filePath: path).standardizedFileURL
        var folder = whole.deletingLastPathComponent()
        var main: [String] = []
        if folder.lastPathComponent == Configuration.collectorsFolder {
            folder = folder.deletingLastPathComponent()
            main = [folder.appending(path: "candlewick.yaml").path]
        }
        let further = folder.appending(path: Configuration.collectorsFolder).path
        // Not there: there are no further collectors.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: further)) ?? []
        let all =
            main + names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted().map { "\(further)/\($0)" }
        return all.filter { $0 != whole.path && FileManager.default.fileExists(atPath: $0) }
    }

    private static func disagreements(_ configurations: [Configuration]) -> [Disagreement] {
        var first: [Pair: (instrument: Instrument, collector: Collector)] = [:]
        var found: [Disagreement] = []
        for configuration in configurations {
            let collector = configuration.collector
            for instrument in configuration.instruments {
                guard let (former, other) = first[instrument.pair] else {
                    first[instrument.pair] = (instrument, collector)
                    continue
                }
                if former.epic == instrument.epic, former.scale != instrument.scale {
                    let text = "scale \(former.scale) in \(other), \(instrument.scale) in \(collector)"
                    found.append(Disagreement(pair: instrument.pair, kind: .scale, text: text))
                }
                if former.hours != instrument.hours {
                    let text = "hours \(former.hours.text) in \(other), \(instrument.hours.text) in \(collector)"
                    found.append(Disagreement(pair: instrument.pair, kind: .hours, text: text))
                }
            }
        }
        return found
    }
}
