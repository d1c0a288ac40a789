internal import HTTPService
internal import Host
internal import Inspection
internal import MarketData
internal import Settings
internal import Wire

/// `/ticks/{pair}`: a collector's ticks out of archive and journal.
enum TicksPath {
    static let countMax = 10_000
    private static let spanMax: Duration = .seconds(86_400)
    /// As far as JSON's numbers are exact everywhere.
    private static let positionMax = (1 << 53) - 1
    /// One answer reads at most so many records; then the client goes on at `next`.
    private static let positionsMax: UInt64 = 2_000_000

    static let path = APIPath.query(
        "/ticks/{pair}", ["from", "to", "count", "position", "collector"]
    ) { request, worker in
        let (pair, times) = (try request.pathPair(), try stretch(request))
        let count = try request.count(in: 1...countMax, default: 1_000)
        let first = try request.count("position", in: 1...positionMax, default: 0)
        try worker.expect(pair)
        let collectors = try worker.facts.collectors()
        let collector = try chosen(request, collectors)
        var page = Page(count: count)
        try page.read(
            TickScan(pair, in: times, worker.facts.paths.of(collector), from: first > 0 ? UInt64(first) : nil),
            most: positionsMax)
        return json(pair, collector, page)
    }

    private static func stretch(_ request: RouteRequest) throws -> Range<UTCNanos> {
        guard let from = try request.time("from") else {
            throw WebError.badRequest(
                "from is missing: give the time of the first tick, such as from=2026-11-23T14:10:00Z")
        }
        let to = try request.time("to") ?? from + spanMax
        guard from <= to else { throw WebError.badRequest("from lies after to: exchange them") }
        guard to - from <= spanMax else {
            throw WebError.badRequest("from and to are more than a day apart: ask for each day by itself")
        }
        return from..<to
    }

    private static func chosen(_ request: RouteRequest, _ collectors: Collectors) throws -> Collector {
        guard let name = request.http["collector"] else { return try collectors.chosen(nil) }
        guard let collector = collectors.all.first(where: { $0.name == name }) else {
            throw WebError.badRequest(
                "there is no collector \(shown(name)) here: give one of \(collectors.all.map(\.name).joined(separator: ", "))"
            )
        }
        return collector
    }

    /// Ticks of a stretch, at most so many.
    private struct Page {
        let count: Int
        var ticks: [TickRecord] = []
        /// Where the next page begins; `nil`: there is no more.
        var next: UInt64?

        init(count: Int) { self.count = count }

        mutating func read(_ scan: consuming TickScan, most: UInt64) throws {
            var first: UInt64?
            var hasMore = true
            while hasMore, next == nil {
                first = first ?? scan.nextPosition
                hasMore = try scan.readBatch { tick in
                    if ticks.count < count { ticks.append(tick) } else if next == nil { next = tick.position }
                }
                if hasMore, next == nil, let first, scan.nextPosition - first >= most { next = scan.nextPosition }
            }
        }
    }

    private static func json(_ pair: Pair, _ collector: Collector, _ page: Page) -> [UInt8] {
        var text = JSONText(capacity: 200 + page.ticks.count * 110)
        text.begin(.object)
        text.key("pair")
        text.string(pair.description)
        text.key("collector")
        text.string(collector.name)
        text.key("ticks")
        text.begin(.array)
        for tick in page.ticks { text.tick(tick) }
        text.end(.array)
        text.key("next")
        if let next = page.next { text.integer(next) } else { text.null() }
        text.end(.object)
        return text.bytes
    }
}

extension JSONText {
    fileprivate mutating func tick(_ tick: TickRecord) {
        begin(.object)
        key("position")
        integer(tick.position)
        key("time")
        seconds(tick.brokerTime)
        key("bid")
        if tick.flags.contains(.bidMissing) { null() } else { price(tick.bid) }
        key("ask")
        if tick.flags.contains(.askMissing) { null() } else { price(tick.ask) }
        key("flags")
        begin(.array)
        for name in tick.flags.names { string(name) }
        end(.array)
        end(.object)
    }
}
