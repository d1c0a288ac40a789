internal import Host
internal import IG
internal import Inspection
internal import MarketData
internal import Store
internal import Wire

/// `/quota` and `/connection`: the allowance of each collector's account, and what happened to its feed.
enum AccountPaths {
    static let all = [quota, connection]

    static let eventsMax = 5_000
    private static let requestAge: Duration = .seconds(8 * 86_400)

    private static let quota = APIPath.query("/quota") { _, worker in
        let (view, store) = (try worker.facts.expectView(), try worker.store())
        let since = worker.facts.clock.now() - requestAge
        var text = JSONText(capacity: 4_096)
        text.begin(.object)
        text.key("collectors")
        text.begin(.array)
        for seen in view.seen.collectors {
            text.begin(.object)
            text.key("collector")
            text.string(seen.collector.name)
            text.key("remaining")
            text.integer(seen.quota.remaining)
            text.key("total")
            text.integer(seen.quota.total)
            text.key("renewal")
            if let renewal = seen.quota.renewal { text.integer(renewal.rawValue) } else { text.null() }
            text.key("isReported")
            text.bool(seen.quota.isTold)
            text.key("requests")
            text.begin(.array)
            for row in try store.ledger(of: seen.collector) where row.request.sent >= since { text.request(row) }
            text.end(.array)
            text.end(.object)
        }
        text.end(.array)
        text.end(.object)
        return text.bytes
    }

    private static let connection = APIPath.query("/connection", ["days"]) { request, worker in
        let days = try request.count("days", in: 1...ReportPaths.daysMax, default: 2)
        let first = worker.facts.marketNow - .seconds(days * 86_400)
        let events = try worker.store().events(in: first..<(.max))
        var text = JSONText(capacity: 4_096)
        text.begin(.object)
        text.key("events")
        text.begin(.array)
        for event in events.suffix(eventsMax) { text.event(event) }
        text.end(.array)
        text.end(.object)
        return text.bytes
    }
}

extension JSONText {
    fileprivate mutating func request(_ row: LedgerRow) {
        begin(.object)
        key("time")
        seconds(row.request.sent)
        key("pair")
        string(row.request.series.pair.description)
        key("timeframe")
        string(row.request.series.timeframe.description)
        key("points")
        integer(row.reply?.points ?? row.request.points)
        key("outcome")
        string(row.reply.map { "\($0.outcome)" } ?? LedgerRow.inFlight)
        key("purpose")
        string(row.request.isRepair ? "repair" : "purchase")
        end(.object)
    }

    fileprivate mutating func event(_ event: StoredEvent) {
        begin(.object)
        key("collector")
        string(event.collector.name)
        key("time")
        seconds(event.time)
        key("pair")
        if let pair = event.pair { string(pair) } else { null() }
        key("event")
        string(event.event)
        key("detail")
        string(event.detailText)
        key("from")
        moment(event.stretch?.from)
        key("until")
        moment(event.stretch?.until)
        end(.object)
    }

    /// null without one, and for "since ever".
    private mutating func moment(_ time: Int64?) {
        if let time, time > 0 { seconds(UTCNanos(rawValue: time)) } else { null() }
    }
}

extension StoredEvent {
    /// The stretch of time that it speaks of, ns; `until` is `nil` if it goes on.
    fileprivate var stretch: (from: Int64, until: Int64?)? {
        switch event {
        case "blind began": (detail, nil)
        case "blind ended", "clock set back": (detail, until)
        default: nil
        }
    }
}
