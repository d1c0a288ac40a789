internal import Host
internal import MarketData
public import Wire

/// A record as a line for people, or as one JSON object with the names of docs/formats.md.
public protocol LineConvertible {
    var line: String { get }
    var json: String { get }
}

extension TickRecord: LineConvertible {
    public var line: String {
        let time = brokerTime.description
        let name = pair == .none ? "feed   " : pair.description
        let what =
            switch kind {
            case .tick: "\(bid.formatted(decimals: 3))  \(ask.formatted(decimals: 3))\(flagText)"
            case .clock: "clock\(flagText)"
            default: feedEvent.map(eventText) ?? "event \(flags.rawValue)"
            }
        return "\(position)  \(time)  \(name)  \(what)"
    }

    private var flagText: String { flags.names.isEmpty ? "" : "  [\(flags.names.joined(separator: ", "))]" }

    public var json: String {
        let isEvent = kind == .feed
        return encodedJSON(
            TickLine(
                kind: kind.name, pair: pair == .none ? nil : pair.description, position: position,
                brokerTime: brokerTime.rawValue, receiveTime: receiveTime.rawValue,
                bid: kind == .tick ? bid.description : nil, ask: kind == .tick ? ask.description : nil,
                flags: isEvent ? nil : flags.names, event: feedEvent?.name,
                details: feedEvent.map { [$0.details.0, $0.details.1] }))
    }
}

/// Prices are decimals in text: exact. Times are ns since 1970 UTC.
private struct TickLine: Encodable {
    let kind: String
    let pair: String?
    let position: UInt64
    let brokerTime: Int64
    let receiveTime: Int64
    let bid: String?
    let ask: String?
    let flags: [String]?
    let event: String?
    let details: [Int64]?
}

extension CandleRecord: LineConvertible {
    public var line: String {
        let name = pair == .none ? "feed   " : pair.description
        let head = "\(position)  \(start)  \(name)  \(timeframe.map { "\($0)  " } ?? "")"
        switch kind {
        case .candle, .part:
            let prices = [mid.open, mid.high, mid.low, mid.close].map { $0.formatted(decimals: 3) }.joined(
                separator: "  ")
            let notes = [kind == .part ? "part" : nil, revision > 1 ? "revision \(revision)" : nil].compactMap { $0 }
            let flags = (notes + flags.names).joined(separator: ", ")
            return "\(head)\(prices)  \(tickCount) ticks  \(source.name)\(flags.isEmpty ? "" : "  [\(flags)]")"
        case .feed: return head + (feedEvent.map(eventText) ?? "event \(flags.rawValue)")
        default: return head + (historyText ?? kind.name)
        }
    }

    /// What a request or a reply says.
    private var historyText: String? {
        if let request = historyRequest {
            let (first, last) = (UTCNanos(seconds: request.first), UTCNanos(seconds: request.last))
            return "request of \(first.text()) to \(last.text()), at most \(request.points) points"
        }
        guard let reply = historyReply else { return nil }
        let left = reply.allowance.map { ", \($0.remaining) of \($0.total) left" } ?? ""
        return "reply to \(reply.request): \(reply.outcome), \(reply.points) points\(left)"
    }

    public var json: String {
        let isCandle = kind == .candle || kind == .part
        func side(_ prices: OHLC) -> [String]? {
            isCandle ? [prices.open, prices.high, prices.low, prices.close].map(\.description) : nil
        }
        return encodedJSON(
            CandleLine(
                kind: kind.name, pair: pair == .none ? nil : pair.description, position: position,
                timeframe: timeframe.map { Int($0.minutes) }, start: start.rawValue, bid: side(bid), ask: side(ask),
                mid: side(mid), tickCount: isCandle ? tickCount : nil,
                blindMilliseconds: isCandle ? blindMilliseconds : nil, lostUpdates: isCandle ? lostUpdates : nil,
                source: isCandle ? source.name : nil, revision: isCandle ? revision : nil,
                flags: isCandle || kind == .empty ? flags.names : nil, inputPosition: inputPosition,
                publishTime: publishTime.rawValue, event: feedEvent?.name,
                details: feedEvent.map { [$0.details.0, $0.details.1] }, text: historyText))
    }
}

/// As `TickLine`; `bid`, `ask` and `mid` are open, high, low and close; `timeframe` is in minutes.
private struct CandleLine: Encodable {
    let kind: String
    let pair: String?
    let position: UInt64
    let timeframe: Int?
    let start: Int64
    let bid: [String]?
    let ask: [String]?
    let mid: [String]?
    let tickCount: UInt32?
    let blindMilliseconds: UInt32?
    let lostUpdates: UInt32?
    let source: String?
    let revision: UInt16?
    let flags: [String]?
    let inputPosition: UInt64
    let publishTime: Int64
    let event: String?
    let details: [Int64]?
    /// Of requests and replies.
    let text: String?
}

private func eventText(_ event: FeedEvent) -> String {
    func moment(_ time: UTCNanos) -> String { time.rawValue == 0 ? "ever" : time.description }
    return switch event {
    case .blindBegan(let since): "\(event.name), since \(moment(since))"
    case .blindEnded(let from, let until): "\(event.name), from \(moment(from)) to \(until)"
    case .sessionRecovered, .updatesLost, .instrumentRefused: "\(event.name) \(event.details.0)"
    case .positionsSkipped(let first, let count): "\(event.name) \(count) from \(first)"
    case .clockSetBack(let from, let to): "\(event.name) from \(from) to \(to)"
    case .updatesLimited(let milliHertz): "\(event.name) to \(milliHertz) in 1000 s"
    case .sessionNew, .sessionPreserved, .sessionReplaced, .subscriptionEnded, .subscriptionFrozen: event.name
    }
}
