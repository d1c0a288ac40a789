import Host
import HTTPService
import MarketData
import Store
import TestKit
import Testing
@testable import Web
import Wire

/// The text of server-sent events.
@Suite struct LiveEventTests {
    private let series = Series(Make.eurUSD, .fiveMinutes)

    private func text(_ event: LiveEvent) -> String {
        String(decoding: EventStream().bytes(of: event) ?? [], as: UTF8.self)
    }

    @Test func `a tick has exact prices, and null for a side that is missing`() {
        let moment = UTCNanos(rawValue: 1_732_356_000_250_000_000)
        let tick = TickRecord(
            Make.eurUSD, brokerTime: moment, receiveTime: moment, bid: Price("1.07211")!, ask: Price("1.0722")!)
        #expect(
            text(.tick(tick, .main))
                == "event: tick\ndata: {\"pair\":\"EUR_USD\",\"time\":1732356000.25,\"bid\":1.07211,\"ask\":1.0722}\n\n"
        )
        let half = Make.tick(1, "1.5", "1.5", flags: .askMissing).tick!
        #expect(text(.tick(half, .main)).contains("\"bid\":1.5,\"ask\":null}"))
    }

    @Test func `a candle is one line with the members of the API`() {
        let candle = Candle(Make.candle(1_732_356_000, price: "1.07"))
        let stored = text(.stored(series, candle, isDisputed: true))
        #expect(
            stored.hasPrefix(
                "event: stored\ndata: {\"pair\":\"EUR_USD\",\"timeframe\":\"5m\",\"time\":1732356000,\"bid\":[1.07,1.07,1.07,1.07]"
            ))
        #expect(stored.hasSuffix("\"disputed\":true,\"forming\":false}\n\n"))
        #expect(stored.split(separator: "\n").count == 2)
        let forming = text(.forming(series, candle, isClosed: false))
        #expect(forming.hasPrefix("event: forming\n") && forming.hasSuffix("\"forming\":true}\n\n"))
        #expect(forming.contains("\"complete\":false"))
        let closed = text(.forming(series, candle, isClosed: true))
        #expect(closed.hasSuffix("\"forming\":false,\"closed\":true}\n\n") && closed.contains("\"complete\":true"))
    }

    @Test func `a state is one line, and a sign of life is a comment`() {
        #expect(text(.state("{\"a\":\n1}\n")) == "event: state\ndata: {\"a\":1}\n\n")
        #expect(text(.alive(UTCNanos(rawValue: 0))) == ": alive\n\n")
    }

    @Test func `a stored candle has the id from which a client goes on`() {
        let hub = LiveHub(epoch: UTCNanos(rawValue: 5))
        let stream = FakeStream()
        hub.add(
            LiveSubscription(topics: [.stored], pairs: [], format: EventStream(), opening: EventStream.opening), stream)
        hub.publish(Sample.stored(300))
        #expect(stream.sent[0] == "retry: 2000\n\nid: 5-0\n\n")
        #expect(stream.sent[1].hasPrefix("id: 5-1\nevent: stored\ndata: {"))
        let back = FakeStream()
        hub.add(
            LiveSubscription(topics: [.stored], pairs: [], format: EventStream(), last: "4-9"), back)
        #expect(back.text == "id: 5-1\nevent: missed\ndata: {}\n\n")
    }

    // MARK: The request

    private func subscription(_ query: [(name: String, value: String)], last: String? = nil) throws
        -> LiveSubscription
    {
        guard case .stream(let answer) = EventRoutes.path.answer else { throw TimeOut(description: "no stream") }
        let request = HTTPRequest(
            path: "/api/v1/events", segments: ["api", "v1", "events"], query: query,
            headers: last.map { ["last-event-id": $0] } ?? [:])
        return try answer(RouteRequest(request), try facts())
    }

    private func facts() throws -> SiteFacts {
        SiteFacts(
            paths: try Paths(state: "/nowhere"), environment: Environment([:]), clock: SteppedClock().clock,
            live: LiveHub(), latest: Latest())
    }

    @Test func `a request names topics and pairs`() throws {
        #expect(try subscription([]).topics == [.forming, .stored, .state])
        let some = try subscription([("topics", "ticks,stored"), ("pairs", "EURUSD,gbp_usd")], last: "5-1")
        #expect(some.topics == [.ticks, .stored])
        #expect(some.pairs == [Make.eurUSD, Sample.gbpUSD])
        #expect(some.last == "5-1")
    }

    @Test func `a pair that is neither configured nor stored does not exist`() {
        #expect(throws: WebError.notFound("there is no pair AAA_BBB here: /api/v1/pairs lists all pairs")) {
            try subscription([("pairs", "EUR_USD,AAA_BBB")])
        }
    }

    @Test(arguments: [("topics", "tick"), ("topics", ""), ("pairs", "EUR USD"), ("pair", "EUR_USD")])
    func `a request that cannot be understood is refused`(name: String, value: String) {
        let error = #expect(throws: WebError.self) { try subscription([(name, value)]) }
        #expect(error?.status == 400)
    }
}
