import Foundation
import IG
import MarketData
import Testing
import TestKit

@Suite struct PricesReplyTests {
    private func read(_ text: String, pointShift: Int = 0) -> PricesReply? {
        PricesReply(body: Array(text.utf8), pointShift: pointShift)
    }

    private func candle(_ times: String, _ prices: String = #""bid": 1.15476, "ask": 1.15485"#) -> String {
        let sides = ["open", "close", "high", "low"].map { #""\#($0)Price": {\#(prices), "lastTraded": null}"# }
        return "{\(times), \(sides.joined(separator: ", ")), \"lastTradedVolume\": 119}"
    }

    private func body(_ candles: [String], _ rest: String = "") -> String {
        #"{"prices": [\#(candles.joined(separator: ","))], "instrumentType": "CURRENCIES"\#(rest)}"#
    }

    @Test func `version 3 gives both clocks, pages and the remaining points`() throws {
        let text = body(
            [candle(#""snapshotTime": "2021/10/13 09:06:00", "snapshotTimeUTC": "2021-10-13T07:06:00""#)],
            #"""
            , "metadata": {"allowance": {"remainingAllowance": 9990, "totalAllowance": 10000, "allowanceExpiry": 604799},
            "size": 1, "pageData": {"pageSize": 20, "pageNumber": 1, "totalPages": 3}}
            """#)
        let reply = try #require(read(text))
        let row = try #require(reply.rows.first)
        #expect(row.start == 1_634_108_760 && row.localStart == 1_634_115_960)
        #expect(row.bid?.open == Price("1.15476") && row.ask?.low == Price("1.15485") && row.volume == 119)
        #expect(reply.pageCount == 3)
        #expect(reply.allowance.map { [$0.remaining, $0.total, $0.expiry] } == [9_990, 10_000, 604_799])
    }

    @Test func `versions 1 and 2 give local time alone`() throws {
        for time in ["2020:09:01-05:00:00", "2020/09/01 05:00:00"] {
            let text = body(
                [candle("\"snapshotTime\": \"\(time)\"")],
                #", "allowance": {"remainingAllowance": 1, "totalAllowance": 10000, "allowanceExpiry": 5}"#)
            let reply = try #require(read(text))
            #expect(reply.rows[0].start == nil && reply.rows[0].localStart == 1_598_936_400)
            #expect(reply.allowance?.remaining == 1 && reply.pageCount == 1)
        }
    }

    @Test func `a price is exact whatever its number of digits`() throws {
        var random = SplitMix(seed: 7)
        for _ in 0..<2_000 {
            let decimals = Int.random(in: 1...8, using: &random)
            let digits = String(Int.random(in: 1..<10_000_000_000, using: &random))
            let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
            let price = "\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
            let row = candle(#""snapshotTime": "2020/09/01 05:00:00""#, "\"bid\": \(price), \"ask\": \(price)")
            #expect(try #require(read(body([row]))).rows[0].bid?.high == Price(price), "\(price)")
        }
    }

    @Test func `prices in points are shifted`() throws {
        let row = candle(#""snapshotTime": "2020/09/01 05:00:00""#, #""bid": 11547.6, "ask": 11548"#)
        let quotes = try #require(read(body([row]), pointShift: 4)?.rows[0])
        #expect(quotes.bid?.open == Price("1.15476") && quotes.ask?.open == Price("1.1548"))
    }

    @Test func `a side without a price is missing`() throws {
        let candle = candle(#""snapshotTime": "2020/09/01 05:00:00""#, #""bid": 1.1, "ask": null"#)
        let row = try #require(read(body([candle]))?.rows[0])
        #expect(row.bid != nil && row.ask == nil)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"errorCode": "system.error"}"#, #"{"prices": [{}]}"#,
        #"{"prices": [{"snapshotTime": "2020/13/01 05:00:00"}]}"#,
        #"{"prices": [{"snapshotTime": "2020/02/30 05:00:00"}]}"#,
        #"{"prices": [{"snapshotTime": "2020/09/01 24:00:00"}]}"#, #"{"prices": [{"snapshotTime": "yesterday"}]}"#,
        #"{"prices": [{"snapshotTime": "0001/01/01 05:00:00"}]}"#,
        #"{"prices": [{"snapshotTime": "2020/09/01 05:00:00", "openPrice": {"bid": "1.1"}}]}"#,
    ])
    func `what is no reply with prices is not taken for one`(text: String) { #expect(read(text) == nil) }

    /// One odd candle must not cost the others, which are paid.
    @Test(arguments: [
        #""bid": 0, "ask": 1.1"#, #""bid": -1, "ask": 1.1"#, #""bid": 1.123456789, "ask": 1.1"#, #""ask": 1.1"#,
    ])
    func `an invalid price removes its side alone`(prices: String) throws {
        let time = #""snapshotTime": "2020/09/01 05:00:00""#
        let reply = try #require(read(body([candle(time, prices), candle(time)])))
        #expect(reply.rows.map { $0.bid == nil } == [true, false] && reply.rows[0].ask != nil)
    }

    @Test(
        arguments: [
            (#"{"remainingAllowance": -5, "totalAllowance": 10000, "allowanceExpiry": 0}"#, [0, 10_000, nil]),
            (
                #"{"remainingAllowance": 9e15, "totalAllowance": 10000, "allowanceExpiry": 9e15}"#,
                [10_000, 10_000, nil]
            ),
            (#"{"remainingAllowance": null, "totalAllowance": 10000, "allowanceExpiry": 5}"#, nil),
        ] as [(String, [Int?]?)])
    func `an allowance that cannot be is cut to what can`(text: String, expected: [Int?]?) throws {
        let reply = try #require(read(body([], ", \"allowance\": \(text)")))
        #expect(reply.allowance.map { [$0.remaining, $0.total, $0.expiry] } == expected)
    }

    @Test func `nothing found is a reply`() {
        let text = body([], #", "metadata": {"pageData": {"pageSize": 0, "pageNumber": 1, "totalPages": 0}}"#)
        #expect(read(text)?.rows == [] && read(text)?.pageCount == 0)
    }

    /// Answers that clients of the real API recorded.
    @Test(.enabled(if: !captured.isEmpty, "needs the shared data"))
    func `recorded answers are read, oldest candle first`() throws {
        for (name, count) in Self.captured {
            let body = fileBytes(Self.folder + name)
            let reply = try #require(PricesReply(body: body), "\(name)")
            #expect(reply.rows.count == count, "\(name)")
            let times = reply.rows.map(\.localStart)
            #expect(times == times.sorted() && Set(times).count == times.count, "\(name)")
            for row in reply.rows {
                let bid = try #require(row.bid, "\(name)")
                #expect(bid.low <= min(bid.open, bid.close) && bid.high >= max(bid.open, bid.close))
            }
            #expect(reply.allowance?.total == 10_000, "\(name)")
            try expectSameNumbers(reply, body, name)
        }
    }

    /// Every price and volume as another decoder reads them.
    private func expectSameNumbers(_ reply: PricesReply, _ body: [UInt8], _ name: String) throws {
        let start = body.firstIndex(of: UInt8(ascii: "{")) ?? 0
        let object = try JSONSerialization.jsonObject(with: Data(body[start...])) as? [String: Any]
        let candles = try #require(object?["prices"] as? [[String: Any]], "\(name)")
        for (row, candle) in zip(reply.rows, candles) {
            func number(_ part: String, _ side: String) -> Double? {
                ((candle["\(part)Price"] as? [String: Any])?[side] as? NSNumber)?.doubleValue
            }
            for (side, prices) in [("bid", row.bid), ("ask", row.ask)] {
                let told = [prices?.open, prices?.high, prices?.low, prices?.close].map { Double("\($0!)") }
                #expect(told == ["open", "high", "low", "close"].map { number($0, side) }, "\(name)")
            }
            #expect(row.volume == candle["lastTradedVolume"] as? Int, "\(name)")
        }
    }

    /// Error answers that clients' tests hold: each leads to an action by its code, none to another attempt.
    @Test(.enabled(if: !captured.isEmpty, "needs the shared data"))
    func `recorded refusals have their disposition`() throws {
        let body = fileBytes(Self.folder.replacing("captured/", with: "errors.json"))
        let errors = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [[String: Any]])
        let expected: [String: RESTDisposition] = [
            "Unable to convert value=3.14159 to type= Integer int": .wrongRequest,
            "error.error.price-history.io-error": .wrongRequest, "error.invalid.daterange": .wrongRequest,
            "error.security.api-key-invalid": .final, "error.security.oauth-token-invalid": .logIn,
        ]
        #expect(errors.count >= 6)
        for error in errors {
            let reply = try JSONSerialization.data(withJSONObject: try #require(error["body"]))
            let status = try #require(error["status"] as? Int)
            let code = ErrorReply.code(body: Array(reply), status: status)
            #expect(RESTDisposition(status: status, errorCode: code) == expected[code], "\(status) \(code)")
        }
    }

    private static let folder =
        Golden.folder.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/shared/data/ig-rest/captured/"

    /// Names and numbers of candles, counted as the objects with a time.
    private static let captured: [(String, Int)] = folderNames(folder).filter {
        $0.contains("prices") || $0.contains("hist_data")
    }
    .map { name in
        let text = String(decoding: fileBytes(folder + name), as: UTF8.self)
        return (name, text.ranges(of: "\"snapshotTime\"").count)
    }
}
