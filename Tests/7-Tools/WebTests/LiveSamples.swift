import HTTPService
import MarketData
import Store
import Synchronization
import TestKit
@testable import Web
import Wire

/// A client of the live feed, inside the test.
final class FakeStream: HTTPStream {
    private struct State {
        var sent: [String] = []
        var isGone = false
        var isClosed = false
        var bodies: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// What was sent to it, a text for each call.
    var sent: [String] { state.withLock { $0.sent } }
    var text: String { sent.joined() }
    /// Whether the server closed it.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            if !state.isGone { state.sent.append(String(decoding: bytes, as: UTF8.self)) }
            return !state.isGone
        }
    }

    func onClose(_ body: @escaping @Sendable () -> Void) {
        let isGone = state.withLock { state in
            if !state.isGone { state.bodies.append(body) }
            return state.isGone
        }
        if isGone { body() }
    }

    func close() { state.withLock { $0.isClosed = true } }

    /// The client goes; the server notices it at the next send.
    func vanish() { state.withLock { $0.isGone = true } }

    /// The client goes, and the server notices it.
    func leave() {
        let bodies = state.withLock { state in
            state.isGone = true
            defer { state.bodies = [] }
            return state.bodies
        }
        for body in bodies { body() }
    }
}

/// Names each event by its first letter and its pair, such as `t:EUR_USD `.
struct BriefFormat: LiveFormat {
    var name = "brief"
    var contentType = "text/plain"

    func bytes(of event: LiveEvent) -> [UInt8]? {
        switch event {
        case .tick(let tick, _): Array("t:\(tick.pair)@\(tick.bid) ".utf8)
        case .forming(let series, let candle, let isClosed):
            Array("f:\(series.pair)#\(candle.tickCount)\(isClosed ? "!" : "") ".utf8)
        case .stored(let series, let candle, _): Array("\(series.pair)#\(candle.timestamp) ".utf8)
        case .state(let text): Array("s:\(text) ".utf8)
        case .alive: nil
        }
    }

    func bytes(of place: StoredPlace) -> [UInt8] { Array("\(place.number)=".utf8) }

    func opening(at place: StoredPlace, isMissing: Bool) -> [UInt8] {
        Array("\(isMissing ? "missed" : "at") \(place.number) ".utf8)
    }
}

/// Events of the live feed.
enum Sample {
    static let gbpUSD = Pair("GBP_USD")!

    static func tick(_ bid: String = "1.1", pair: Pair = Make.eurUSD, at seconds: Double = 1) -> LiveEvent {
        .tick(Make.tick(seconds, bid, "1.2", pair: pair).tick!, .main)
    }

    static func stored(_ start: UTCSeconds, pair: Pair = Make.eurUSD) -> LiveEvent {
        .stored(Series(pair, .fiveMinutes), Candle(Make.candle(start, pair: pair)), isDisputed: false)
    }

    static func candle(ticks: UInt32, pair: Pair = Make.eurUSD) -> Candle {
        var record = Make.candle(300, pair: pair)
        record.tickCount = ticks
        return Candle(record)
    }

    static func subscription(
        _ topics: Set<LiveSubscription.Topic> = Set(LiveSubscription.Topic.allCases), pairs: Set<Pair> = [],
        last: String? = nil
    ) -> LiveSubscription {
        LiveSubscription(topics: topics, pairs: pairs, format: BriefFormat(), last: last)
    }
}
