import Aggregation
import Candles
import MarketData
import Testing
import TestKit
import Wire

@Suite struct ResumedHistoryTests {
    private let folder = TemporaryFolder()
    /// Tuesday 2026-05-12 08:00 UTC.
    private static let start: UTCSeconds = 1_778_572_800
    private static let series = Series(Make.eurUSD, .fiveMinutes)

    /// Two requests: three parts of one larger candle, the last of them recorded from the store; and an empty interval.
    private static let history: [CandleEnvelope] = {
        let request = HistoryRequest(
            series: series, first: start, last: start + 300, points: 2, sent: UTCNanos(rawValue: 1))
        func reply(_ position: UInt64) -> CandleEnvelope {
            let reply = HistoryReply(
                request: position, outcome: .answered, points: 2, allowance: nil, received: UTCNanos(rawValue: 2))
            return ReplyRecord(reply, to: request).envelope
        }
        func candle(_ offset: Int64, _ price: String) -> CandleRecord {
            let price = Price(price)!
            let side = OHLC(open: price, high: price, low: price, close: price)
            return CandleRecord(
                series, start: UTCNanos(seconds: start + offset), bid: side, ask: side, mid: side, source: .bought,
                inputStream: .history)
        }
        let sent = RequestRecord(request).envelope
        let records: [CandleEnvelope] = [
            sent, candle(0, "1.1").envelope, candle(300, "1.3").envelope, reply(1),
            PartRecord(candle(600, "1.2")).envelope, sent, candle(900, "1.4").envelope,
            EmptyRecord(series, start: UTCNanos(seconds: start + 1_200)).envelope, reply(6),
        ]
        return records.enumerated().map { place, record in
            var sealed = record
            sealed.seal(position: UInt64(place + 1))
            return sealed
        }
    }()

    /// The output of a start with this in its candles journal.
    private func news(holding held: [CandleEnvelope]) throws -> [CandleEnvelope] {
        let path = try journal(of: held, in: folder)
        var history = ResumedHistory(
            timeframes: [.fiveMinutes, .fifteenMinutes], emitted: try EmittedMarks(journalFolder: path).history)
        for record in Self.history { history.take(record) }
        var news: [CandleEnvelope] = []
        try history.takeNew(publishTime: Make.nanos(1)) { news.append($0) }
        return news
    }

    private func name(_ record: CandleEnvelope) -> String {
        "\(String(decoding: record.bytes[..<4], as: UTF8.self)) \(record.series.map { "\($0)" } ?? "") "
            + "\(record.start.seconds.rawValue - Self.start.rawValue) of \(record.inputPosition)"
    }

    @Test func `all but the parts is passed on, and the larger candle comes with its last part`() throws {
        #expect(
            try news(holding: []).map(name) == [
                "RQST EUR_USD 5m 0 of 1", "CNDL EUR_USD 5m 0 of 2", "CNDL EUR_USD 5m 300 of 3",
                "RPLY EUR_USD 5m 0 of 4",
                "CNDL EUR_USD 15m 0 of 5", "RQST EUR_USD 5m 0 of 6", "CNDL EUR_USD 5m 900 of 7",
                "EMPT EUR_USD 5m 1200 of 8", "RPLY EUR_USD 5m 0 of 9",
            ])
    }

    @Test func `wherever the journal ends, the rest comes, once, and records of ticks between do not matter`() throws {
        let all = try news(holding: [])
        var tick = Make.candle(300)
        tick.inputPosition = 1_000
        for count in 0...all.count {
            let rest = all[count...].map(name)
            #expect(try news(holding: Array(all[..<count])).map(name) == rest, "of \(count)")
            #expect(
                try news(holding: [tick.envelope] + all[..<count] + [tick.envelope]).map(name) == rest,
                "of \(count), with ticks")
        }
    }

    @Test func `an interval that is bought again right after the end of the journal is passed on again`() throws {
        var twice = try news(holding: []).filter { $0.inputPosition == 2 }
        #expect(twice.count == 1)
        twice[0].seal(position: 1)
        let path = try journal(of: twice, in: folder)
        var history = ResumedHistory(
            timeframes: [.fiveMinutes], emitted: try EmittedMarks(journalFolder: path).history)
        for position in 1...3 as ClosedRange<UInt64> {
            var record = Self.history[1]
            record.seal(position: position)
            history.take(record)
        }
        var news: [UInt64] = []
        try history.takeNew(publishTime: Make.nanos(1)) { news.append($0.inputPosition) }
        #expect(news == [3])
    }
}
