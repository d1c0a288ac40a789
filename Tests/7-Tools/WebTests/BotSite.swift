import Host
import HTTPService
import Inspection
import MarketData
import SQLiteStore
import Store
import TestKit
import Wire

@testable import Web

/// The routes of an interface over a database of their own, without a socket.
final class BotSite {
    let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start: UTCSeconds = 1_778_572_800
    let clock = SteppedClock(now: UTCNanos(seconds: BotSite.start + 100 * 86_400))
    /// The pipeline as it was seen last: not yet.
    let latest = Latest<PipelineView>()
    let facts: SiteFacts
    let worker: Worker
    private let group: RouteGroup

    /// - Parameter candles: what the database holds.
    init(_ group: RouteGroup, _ candles: [CandleRecord]) throws {
        self.group = group
        let paths = try Paths(state: folder.path)
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(
            candles.map(\.envelope), collector: .main, stream: .candles, position: 1, now: clock.now)
        facts = SiteFacts(
            paths: paths, environment: Environment([:]), clock: clock.clock, live: LiveHub(), latest: latest)
        worker = Worker(facts)
    }

    struct Reply: Hashable {
        let status: Int
        let body: String
    }

    /// - Parameter target: a path and a query, without escapes.
    func get(_ target: String, headers: [String: String] = [:]) -> Reply {
        let response = response(target, headers: headers)
        return Reply(status: response.status, body: String(decoding: response.body, as: UTF8.self))
    }

    func response(_ target: String, headers: [String: String] = [:]) -> HTTPResponse {
        do {
            let (route, request) = try route(target, headers)
            switch route.answer {
            case .now(let answer): return try answer(request, facts)
            case .query(let answer): return try answer(request, worker)
            case .stream(let subscription):
                let format = try subscription(request, facts).format
                return HTTPResponse(contentType: format.contentType, text: "")
            }
        } catch let error as WebError {
            return group.error(error)
        } catch {
            return group.error(WebError(500, "\(error)"))
        }
    }

    /// What a stream sends.
    func subscription(_ target: String, headers: [String: String] = [:]) throws -> LiveSubscription {
        let (route, request) = try route(target, headers)
        guard case .stream(let subscription) = route.answer else { throw WebError.notFound("\(target) is no stream") }
        return try subscription(request, facts)
    }

    private func route(_ target: String, _ headers: [String: String]) throws -> (Route, RouteRequest) {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let segments = parts[0].split(separator: "/").map(String.init)
        let query =
            parts.count == 1
            ? []
            : parts[1].split(separator: "&").map {
                $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            }
        let request = HTTPRequest(
            path: parts[0], segments: segments,
            query: query.map { (name: String($0[0]), value: $0.count == 1 ? "" : String($0[1])) }, headers: headers)
        for route in group.routes {
            let pattern = route.pattern.split(separator: "/").map(String.init)
            guard pattern.count == segments.count else { continue }
            var names: [String: String] = [:]
            let fits = zip(pattern, segments).allSatisfy { part, segment in
                guard part.hasPrefix("{") else { return part == segment }
                names[String(part.dropFirst().dropLast())] = segment
                return true
            }
            if fits { return (route, RouteRequest(request, names: names)) }
        }
        throw WebError.notFound("there is no \(parts[0])")
    }
}

extension Make {
    /// A candle with a price of its own in each place: bid opens at `units` of 1e-5 and moves by one each.
    static func rising(
        _ start: UTCSeconds, _ units: Int64, minutes: Int = 5, pair: Pair = eurUSD, flags: CandleFlags = [],
        ticks: UInt32 = 7
    ) -> CandleRecord {
        func side(_ open: Int64) -> OHLC {
            func price(_ more: Int64) -> Price { Price(rawValue: (open + more) * 10_000) }
            return OHLC(open: price(1), high: price(3), low: price(0), close: price(2))
        }
        let (bid, ask) = (side(units), side(units + 5))
        var candle = CandleRecord(
            Series(pair, Timeframe(minutes: minutes)!), start: UTCNanos(seconds: start), bid: bid, ask: ask,
            mid: OHLC.mid(bid: bid, ask: ask), source: .streamed, inputStream: .ticks)
        (candle.tickCount, candle.revision, candle.flags) = (ticks, 1, flags)
        return candle
    }

    /// Candles of 5m without a gap.
    static func run(_ count: Int64) -> [CandleRecord] {
        (0..<count).map { rising(BotSite.start + $0 * 300, 107_000 + $0) }
    }
}
