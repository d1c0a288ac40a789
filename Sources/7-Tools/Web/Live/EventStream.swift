internal import MarketData
internal import Store
internal import Wire

/// Server-sent events, each with one line of JSON. Source: docs/http-api.md § Events; WHATWG HTML § 9.2.
struct EventStream: LiveFormat {
    let name = "events"
    let contentType = "text/event-stream"

    /// How long a client waits before it comes back.
    static let opening = Array("retry: 2000\n\n".utf8)

    func bytes(of event: LiveEvent) -> [UInt8]? {
        switch event {
        case .tick(let tick, _): EventStream.block("tick", EventStream.json(tick))
        case .forming(let series, let candle, let isClosed):
            EventStream.block("forming", EventStream.json(series, candle, isForming: !isClosed, isClosed: isClosed))
        case .stored(let series, let candle, let isDisputed):
            EventStream.block("stored", EventStream.json(series, candle, isDisputed: isDisputed))
        case .state(let json): EventStream.block("state", json.utf8.filter { $0 != UInt8(ascii: "\n") })
        case .alive: Array(": alive\n\n".utf8)
        }
    }

    func bytes(of place: StoredPlace) -> [UInt8] { Array("id: \(place)\n".utf8) }

    func opening(at place: StoredPlace, isMissing: Bool) -> [UInt8] {
        // A block without data is no event, but its id counts.
        bytes(of: place) + (isMissing ? EventStream.block("missed", Array("{}".utf8)) : [UInt8(ascii: "\n")])
    }

    private static func block(_ event: StaticString, _ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 32)
        bytes += "event: ".utf8
        bytes += UnsafeBufferPointer(start: event.utf8Start, count: event.utf8CodeUnitCount)
        bytes += "\ndata: ".utf8
        bytes += data
        bytes += "\n\n".utf8
        return bytes
    }

    private static func json(_ tick: TickRecord) -> [UInt8] {
        var text = JSONText(capacity: 128)
        text.begin(.object)
        text.key("pair")
        text.string(tick.pair.description)
        text.key("time")
        text.seconds(tick.brokerTime)
        text.key("bid")
        if tick.flags.contains(.bidMissing) { text.null() } else { text.price(tick.bid) }
        text.key("ask")
        if tick.flags.contains(.askMissing) { text.null() } else { text.price(tick.ask) }
        text.end(.object)
        return text.bytes
    }

    private static func json(
        _ series: Series, _ candle: Candle, isDisputed: Bool = false, isForming: Bool = false, isClosed: Bool = false
    ) -> [UInt8] {
        var text = JSONText(capacity: JSONText.bytesPerCandle)
        text.begin(.object)
        text.key("pair")
        text.string(series.pair.description)
        text.key("timeframe")
        text.string(series.timeframe.description)
        text.candleMembers(candle, isDisputed: isDisputed, isForming: isForming)
        if isClosed {
            text.key("closed")
            text.bool(true)
        }
        text.end(.object)
        return text.bytes
    }
}
