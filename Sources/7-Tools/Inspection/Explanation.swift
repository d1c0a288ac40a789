internal import Archive
internal import Engines
public import Reports
internal import Candles
public import Host
public import MarketData
public import Settings
package import Store
internal import Wire

/// All that is known of one candle: its ticks, the events of the feed, its revisions, and why the store keeps the one
/// that it keeps.
public struct Explanation: Report, Encodable {
    struct TickLine: Encodable {
        let position: UInt64
        let brokerTime: String
        let bid: String
        let ask: String
        let flags: [String]
    }

    struct Ticks: Encodable {
        let collector: String
        /// Records of the pair in the interval, those that do not count among them.
        var count = 0
        var uncounted = 0
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// Where asked for.
        var lines: [TickLine] = []
    }

    struct EventLine: Encodable {
        let collector: String
        let time: String
        let pair: String?
        let event: String
        let detail: String
    }

    /// A candle of the interval, as its stream or the database has it.
    struct Version: Encodable {
        let source: String
        /// Who saw or bought it.
        let collector: String
        let revision: UInt16
        let rank: Int
        let flags: [String]
        let bid: [String]
        let ask: [String]
        let mid: [String]
        let ticks: UInt32
        let blindMilliseconds: UInt32
        let lostUpdates: UInt32
        /// The stream and the position of the record that made it final.
        let inputStream: String
        let inputPosition: UInt64
        let publishTime: String
    }

    struct Request: Encodable {
        let collector: String
        let sent: String
        let outcome: String
        let points: Int
    }

    let pair: Pair
    let timeframe: Timeframe
    let start: UTCSeconds
    let isOpenMarket: Bool
    /// What readers see; `nil`: nothing.
    let stored: Version?
    /// What waits for that one to be withdrawn, the highest in rank first.
    let outranked: [Version]
    /// What each aggregator published for the interval, oldest first, as far as its archive and journal hold it.
    let revisions: [Version]
    let events: [EventLine]
    /// History requests that reached over the interval.
    let requests: [Request]
    /// The broker was asked and has no candle, or none that can be used.
    let isKnownEmpty: Bool
    /// The pair was seen all the time.
    let wasSeen: Bool
    /// Of the own collector.
    private(set) var ticks: Ticks
    /// Of the others that are at work here, by name; `nil` without any.
    private(set) var otherTicks: [Ticks]?
    /// Why readers see what they see, in one sentence.
    private(set) var decision = ""

    /// - Parameters:
    ///   - moment: any moment of the interval.
    ///   - showsTicks: each of them; otherwise only their number.
    /// - Throws: `Failure` (69) if there is no database; `JournalError`, `StoreError`.
    public init(
        paths: Paths, collectors: Collectors, series: Series, at moment: UTCSeconds, showsTicks: Bool
    ) throws {
        try self.init(
            storeEngine.openReader(paths), paths: paths, collectors: collectors, series: series, at: moment,
            showsTicks: showsTicks)
    }

    /// - Parameter reader: of the database of `paths`.
    /// - Throws: `JournalError`, `StoreError`.
    package init(
        _ reader: any CandleQueries, paths: Paths, collectors: Collectors, series: Series, at moment: UTCSeconds,
        showsTicks: Bool
    ) throws {
        let start = series.timeframe.start(of: moment)
        let interval = start..<(start + series.timeframe)
        (pair, timeframe) = (series.pair, series.timeframe)
        self.start = start
        isOpenMarket = collectors.calendar[series.pair].isOpen(during: interval)
        stored = try reader.record(series, start: start).map { Version($0.record, $0.collector) }
        outranked = try reader.outranked(series, start: start).map { Version($0.record, $0.collector) }
        let known = try reader.starts(series, in: interval)
        isKnownEmpty = !(known.empty + known.unusable).isEmpty
        wasSeen = try Sight(reader).covers(interval, of: series.pair)
        let grace = collectors.configurations.map(\.grace.roundedUpToSeconds).max() ?? .zero
        events = try Explanation.events(
            reader, series, interval, margin: max(grace, .nanoseconds(FeedEvent.orderMargin)))
        requests = try reader.collectors().flatMap { collector in
            try reader.ledger(of: collector).filter {
                $0.request.series == series && $0.request.first <= start && start <= $0.request.last
            }.map { Request($0, collector) }
        }
        let (own, all) = (collectors.own.collector, collectors.all)
        revisions = try all.flatMap { try Explanation.revisions(paths.of($0), series, start) }
        let every = try all.map { try Explanation.ticks(paths.of($0), series, interval, showsTicks) }
        let place = all.firstIndex(of: own) ?? 0
        ticks = every[place]
        otherTicks = all.count > 1 ? every.indices.filter { $0 != place }.map { every[$0] } : nil
        decision = sentence
    }

    private static func revisions(_ paths: Paths, _ series: Series, _ start: UTCSeconds) throws -> [Version] {
        var versions: [Version] = []
        let moment = UTCNanos(seconds: start)..<UTCNanos(seconds: start + .seconds(1))
        try StreamScan(CandleEnvelope.self, .candles, paths, only: .init(times: moment)).forEach { record in
            guard record.start.seconds == start, let candle = record.candle, candle.series == series else { return }
            versions.append(Version(candle, paths.collector))
        }
        return versions
    }

    /// Those that could touch the interval: of the whole feed, or of the pair.
    private static func events(
        _ reader: any CandleQueries, _ series: Series, _ interval: Range<UTCSeconds>, margin: Duration
    ) throws -> [EventLine] {
        let range =
            UTCNanos(seconds: interval.lowerBound - margin)..<UTCNanos(seconds: interval.upperBound + margin)
        return try reader.events(in: range)
            .filter { $0.pair == nil || $0.pair == series.pair.description }
            .map {
                EventLine(
                    collector: $0.collector.name, time: $0.time.description, pair: $0.pair, event: $0.event,
                    detail: $0.detailText)
            }
    }

    private static func ticks(
        _ paths: Paths, _ series: Series, _ interval: Range<UTCSeconds>, _ showsTicks: Bool
    ) throws -> Ticks {
        var ticks = Ticks(collector: paths.collector.name)
        let times = UTCNanos(seconds: interval.lowerBound)..<UTCNanos(seconds: interval.upperBound)
        var scan = try TickScan(series.pair, in: times, paths)
        func take(_ tick: TickRecord) {
            if ticks.count == 0 { ticks.first = tick.position }
            ticks.count += 1
            ticks.last = tick.position
            if tick.flags.doesNotCount { ticks.uncounted += 1 }
            if showsTicks { ticks.lines.append(TickLine(tick)) }
        }
        while try scan.readBatch(take) {}
        return ticks
    }

    /// Whether a collector's name stands beside what is its own.
    var hasSeveral: Bool {
        let named = ([stored].compactMap(\.self) + outranked + revisions).map(\.collector) + events.map(\.collector)
        return otherTicks != nil || Set(named).count > 1
    }

    private var tickCount: Int { ([ticks] + (otherTicks ?? [])).reduce(0) { $0 + $1.count } }

    private var sentence: String {
        guard let stored else {
            if !isOpenMarket { return "No candle: the market was closed." }
            if isKnownEmpty { return "No candle: the broker has no usable one." }
            if wasSeen, tickCount == 0 {
                return "No candle: the market was quiet. The pair was seen and had no tick."
            }
            return tickCount > 0
                ? "No candle is stored yet, but ticks exist: the interval may not be over, or a stage is behind."
                : "No candle: the interval was neither streamed nor bought."
        }
        let others = outranked.map { other in
            hasSeveral
                ? "\(other.source) of \(other.collector) (rank \(other.rank), \(counted(Int(other.ticks), "tick")))"
                : "\(other.source) (rank \(other.rank))"
        }.joined(separator: ", ")
        let former = revisions.count {
            ($0.source, $0.collector) == (stored.source, stored.collector) && $0.revision < stored.revision
        }
        let owner = hasSeveral ? " of \(stored.collector)" : ""
        return "Kept: \(stored.source)\(owner), rank \(stored.rank), revision \(stored.revision)"
            + (others.isEmpty ? "; the only source" : "; it outranks \(others)")
            + (former > 0 ? "; it replaced \(counted(former, "earlier revision"))." : ".")
    }
}

extension Explanation.Version {
    fileprivate init(_ record: CandleRecord, _ collector: Collector) {
        self.collector = collector.name
        func texts(_ side: OHLC) -> [String] { [side.open, side.high, side.low, side.close].map(\.description) }
        source = record.source.name
        revision = record.revision
        rank = CandleRank(record, collector).level
        flags = record.flags.names
        (bid, ask, mid) = (texts(record.bid), texts(record.ask), texts(record.mid))
        ticks = record.tickCount
        blindMilliseconds = record.blindMilliseconds
        lostUpdates = record.lostUpdates
        inputStream = record.inputStream.rawValue
        inputPosition = record.inputPosition
        publishTime = record.publishTime.description
    }
}

extension Explanation.TickLine {
    fileprivate init(_ tick: TickRecord) {
        position = tick.position
        brokerTime = tick.brokerTime.description
        (bid, ask) = (tick.bid.description, tick.ask.description)
        flags = tick.flags.names
    }
}

extension Explanation.Request {
    fileprivate init(_ row: LedgerRow, _ collector: Collector) {
        self.collector = collector.name
        sent = row.request.sent.description
        outcome = row.reply.map { "\($0.outcome)" } ?? "in flight"
        points = row.reply?.points ?? row.request.points
    }
}
