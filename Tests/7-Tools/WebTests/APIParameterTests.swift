import HTTPService
import MarketData
import Testing
import TestKit
@testable import Web

/// What a query may say, and how a mistake is named.
@Suite struct APIParameterTests {
    private func request(_ query: [(name: String, value: String)]) -> RouteRequest {
        RouteRequest(HTTPRequest(path: "/x", segments: ["x"], query: query))
    }

    @Test(
        arguments: [
            ("0", 0), ("1732356000", 1_732_356_000), ("1732356000.25", 1_732_356_000.25),
            ("1970-01-01T00:00:01Z", 1), ("2026-05-12", 1_778_544_000), ("2026-05-12T08:00", 1_778_572_800),
            ("2026-05-12t08:00:00.5z", 1_778_572_800.5), ("2026-05-12T08:00:00+01:00", 1_778_569_200),
            ("2026-05-12T08:00:00-00:30", 1_778_574_600), ("7258118399", 7_258_118_399),
        ] as [(String, Double)])
    func `a moment is Unix seconds or RFC 3339`(text: String, seconds: Double) throws {
        #expect(try request([("from", text)]).time("from") == Make.nanos(seconds))
    }

    @Test(arguments: [
        "", " ", "+5", "-1", "1e9", "0x10", "1.", ".5", "1.1234567890", "1.5.5", "NaN", "7258118400", "1969-12-31",
        "2200-01-01", "2026-13-01", "2026-02-30", "2026-05-12T25:00", "2026-05-12T08:00:00+1:00",
        "2026-05-12T08:00:00+24:00", "1970-01-01T00:00:00+01:00", "yesterday", "١٢",
    ])
    func `anything else is an error that says what is right`(text: String) {
        let error = #expect(throws: WebError.self) { try request([("from", text)]).time("from") }
        #expect(error?.status == 400)
        #expect(error?.message.hasPrefix("from is '\(text)': give Unix seconds, or RFC 3339") == true)
    }

    @Test func `a range holds the whole seconds in it, and does not run backwards`() throws {
        let range = try request([("from", "10.5"), ("to", "20.000000001")]).timeRange()
        #expect(range.first == 11 && range.end == 21)
        #expect(try request([]).timeRange() == (nil, nil))
        let error = #expect(throws: WebError.self) { try request([("from", "2"), ("to", "1")]).timeRange() }
        #expect(error?.message == "from lies after to: exchange them")
    }

    @Test(arguments: ["", "0", "-1", "+1", "1.0", "10001", "99999999999999999999", "x", "1 "])
    func `a count is a whole number in its bounds`(text: String) throws {
        #expect(try request([]).count(in: 1...10_000, default: 200) == 200)
        #expect(try request([("count", "10000")]).count(in: 1...10_000, default: 200) == 10_000)
        let error = #expect(throws: WebError.self) {
            try request([("count", text)]).count(in: 1...10_000, default: 200)
        }
        #expect(error?.message == "count is '\(text)': give a whole number from 1 to 10000")
    }

    @Test func `flags, choices, pairs and timeframes are read strictly`() throws {
        #expect(try request([("forming", "true")]).flag("forming") && !request([]).flag("forming"))
        #expect(throws: WebError.badRequest("forming is '1': give true or false")) {
            try request([("forming", "1")]).flag("forming")
        }
        #expect(throws: WebError.badRequest("selection is 'x': give one of all, complete")) {
            try request([("selection", "x")]).choice("selection", of: ["all": 1, "complete": 2], default: 1)
        }
        #expect(try request([("pairs", "EURUSD,gbp/usd")]).pairs().map(\.description) == ["EUR_USD", "GBP_USD"])
        #expect(throws: WebError.self) { try request([("pairs", "EUR_USD,")]).pairs() }
        #expect(try request([("timeframe", "60")]).timeframe()?.description == "1h")
        for wrong in ["7m", "+5m", "5 m", "5M", "0", ""] {
            #expect(throws: WebError.self) { try request([("timeframe", wrong)]).timeframe() }
        }
    }

    @Test func `an unknown parameter, and one that is there twice, are refused`() {
        #expect(throws: WebError.badRequest("there is no parameter 'cout' here: this path knows count, from")) {
            try request([("cout", "1")]).expect(["count", "from"])
        }
        #expect(throws: WebError.badRequest("there is no parameter 'a' here: this path knows no parameter")) {
            try request([("a", "")]).expect([])
        }
        #expect(throws: WebError.badRequest("the parameter count is there twice: give it once")) {
            try request([("count", "1"), ("count", "1")]).expect(["count"])
        }
    }

    @Test func `of a long text a message shows the beginning`() {
        #expect(shown(String(repeating: "x", count: 50)) == "'\(String(repeating: "x", count: 40))…'")
    }
}
