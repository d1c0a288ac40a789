internal import Reports
internal import Host
internal import MarketData
public import Wire

/// A record as a line for people, or as one JSON object with the names of docs/formats.md.
public protocol LineConvertible {
    var line: String { get }
    var json: String { get }
}

extension TickEnvelope: LineConvertible {
    public var line: String {
        let name = name(of: pair)
        return "\(position)  \(brokerTime)  \(name)  \(text)"
    }

    private var text: String {
        switch content {
        case .tick(let tick):
            "\(tick.bid.formatted(decimals: 3))  \(tick.ask.formatted(decimals: 3))\(flagText(tick.flags))"
        case .clock(let clock): "clock\(flagText(clock.flags))"
        case .feed(let feed): eventText(feed.event)
        case .unknown: kind.name
        }
    }

    private func flagText(_ flags: TickFlags) -> String {
        flags.names.isEmpty ? "" : "  [\(flags.names.joined(separator: ", "))]"
    }

    public var json: String {
        var line = TickLine(
            kind: kind.name, pair: pair == .none ? nil : pair.description, position: position,
            brokerTime: brokerTime.rawValue, receiveTime: receiveTime.rawValue)
        switch content {
        case .tick(let tick):
            (line.bid, line.ask, line.flags) = (tick.bid.description, tick.ask.description, tick.flags.names)
        case .clock(let clock): line.flags = clock.flags.names
        case .feed(let feed): (line.event, line.details) = (feed.event.name, details(of: feed.event))
        case .unknown: break
        }
        return encodedJSON(line)
    }
}

/// As wide as the name of a currency pair, at least.
private func name(of pair: Pair) -> String {
    let name = pair == .none ? "feed" : pair.description
    return name + String(repeating: " ", count: max(0, 7 - name.count))
}

private func details(of event: FeedEvent) -> [Int64] { [event.details.0, event.details.1] }

/// Prices are decimals in text: exact. Times are ns since 1970 UTC.
private struct TickLine: Encodable {
    let kind: String
    let pair: String?
    let position: UInt64
    let brokerTime: Int64
    let receiveTime: Int64
    var bid: String?
    var ask: String?
    var flags: [String]?
    var event: String?
    var details: [Int64]?
}

extension CandleEnvelope: LineConvertible {
    public var line: String {
        let name = name(of: pair)
        return "\(position)  \(start)  \(name)  \(series.map { "\($0.timeframe)  " } ?? "")\(text)"
    }

    private var text: String {
        switch content {
        case .candle(let candle): candleText(candle)
        case .forming(let candle): candleText(candle, "forming")
        case .part(let part): candleText(part.candle, "part")
        case .feed(let feed): eventText(feed.event)
        case .request, .reply, .empty, .unknown: historyText ?? kind.name
        }
    }

    private func candleText(_ candle: CandleRecord, _ role: String? = nil) -> String {
        let mid = candle.mid
        let prices = [mid.open, mid.high, mid.low, mid.close].map { $0.formatted(decimals: 3) }.joined(
            separator: "  ")
        let notes = [role, revision > 1 ? "revision \(revision)" : nil].compactMap { $0 }
        let flags = (notes + candle.flags.names).joined(separator: ", ")
        return "\(prices)  \(candle.tickCount) ticks  \(source.name)\(flags.isEmpty ? "" : "  [\(flags)]")"
    }

    /// The text of a request or a reply.
    private var historyText: String? {
        switch content {
        case .request(let record):
            let request = record.request
            let (first, last) = (UTCNanos(seconds: request.first), UTCNanos(seconds: request.last))
            return "request for \(first.text()) to \(last.text()), at most \(request.points) points"
        case .reply(let record):
            let reply = record.reply
            let left = reply.allowance.map { ", \($0.remaining) of \($0.total) left" } ?? ""
            return "reply to \(reply.request): \(reply.outcome), \(reply.points) points\(left)"
        case .candle, .forming, .part, .empty, .feed, .unknown: return nil
        }
    }

    public var json: String {
        var line = CandleLine(
            kind: kind.name, pair: pair == .none ? nil : pair.description, position: position,
            timeframe: series.map { $0.timeframe.minutes }, start: start.rawValue, inputPosition: inputPosition,
            publishTime: publishTime.rawValue, text: historyText)
        switch content {
        case .candle(let candle), .forming(let candle): line.take(candle)
        case .part(let part): line.take(part.candle)
        case .empty(let empty): line.flags = empty.isUnusable ? CandleFlags.unusable.names : []
        case .feed(let feed): (line.event, line.details) = (feed.event.name, details(of: feed.event))
        case .request, .reply, .unknown: break
        }
        return encodedJSON(line)
    }
}

/// As `TickLine`; `bid`, `ask` and `mid` are open, high, low and close; `timeframe` is in minutes.
private struct CandleLine: Encodable {
    let kind: String
    let pair: String?
    let position: UInt64
    let timeframe: Int?
    let start: Int64
    var bid: [String]?
    var ask: [String]?
    var mid: [String]?
    var tickCount: UInt32?
    var blindMilliseconds: UInt32?
    var lostUpdates: UInt32?
    var source: String?
    var revision: UInt16?
    var flags: [String]?
    let inputPosition: UInt64
    let publishTime: Int64
    var event: String?
    var details: [Int64]?
    /// Of requests and replies.
    let text: String?

    mutating func take(_ candle: CandleRecord) {
        func side(_ prices: OHLC) -> [String] {
            [prices.open, prices.high, prices.low, prices.close].map(\.description)
        }
        (bid, ask, mid) = (side(candle.bid), side(candle.ask), side(candle.mid))
        (tickCount, blindMilliseconds, lostUpdates) = (candle.tickCount, candle.blindMilliseconds, candle.lostUpdates)
        (source, revision, flags) = (candle.source.name, candle.revision, candle.flags.names)
    }
}

private func eventText(_ event: FeedEvent) -> String {
    func moment(_ time: UTCNanos) -> String { time.rawValue == 0 ? "the start" : time.description }
    return switch event {
    case .blindBegan(let since): "\(event.name), since \(moment(since))"
    case .blindEnded(let from, let until): "\(event.name), from \(moment(from)) to \(until)"
    case .sessionRecovered, .updatesLost, .instrumentRefused: "\(event.name) \(event.details.0)"
    case .positionsSkipped(let first, let count): "\(event.name) \(count) from \(first)"
    case .clockSetBack(let from, let to): "\(event.name) from \(from) to \(to)"
    case .updatesLimited(let milliHertz): "\(event.name) to \(milliHertz) in 1000 s"
    case .sessionNew, .sessionPreserved, .sessionReplaced, .subscriptionEnded, .subscriptionFrozen,
        .unknown:
        event.name
    }
}
