import MarketData
import Testing
import TestKit
import Wire

@Suite struct HistoryRecordTests {
    private let series = Series(Pair("GBP_JPY")!, .fifteenMinutes)

    private var request: HistoryRequest {
        HistoryRequest(series: series, first: 900, last: 9_900, points: 11, sent: UTCNanos(rawValue: 123))
    }

    @Test func `request, reply and empty interval are the bytes of the format`() {
        let allowance = HistoryReply.Allowance(remaining: 9_989, total: 10_000, renewal: 1_765_000_000)
        let reply = HistoryReply(
            request: 41, outcome: .answered, points: 11, allowance: allowance, received: UTCNanos(rawValue: 456),
            clockOffset: 3_600)
        let empty = CandleRecord.empty(series, start: UTCNanos(seconds: 1_800), isUnusable: true)
        let bytes = [CandleRecord.request(request), .reply(reply, to: request), empty].enumerated().flatMap {
            var record = $1
            record.seal(position: UInt64($0 + 41))
            return record.bytes
        }
        #expect(bytes == Golden.bytes("wire/history-v1.bin", actual: bytes))
    }

    @Test func `a request comes out of its record as it went in`() {
        let record = CandleRecord.request(request)
        #expect(String(decoding: record.bytes[..<11], as: UTF8.self) == "RQSTGBP_JPY")
        #expect(record.historyRequest == request && record.historyReply == nil && record.inputStream == .history)
    }

    @Test(arguments: [HistoryReply.Outcome.answered, .refused, .unanswered])
    func `so does a reply, with and without an allowance`(outcome: HistoryReply.Outcome) {
        for allowance in [nil, HistoryReply.Allowance(remaining: 0, total: 10_000, renewal: 99)] {
            let reply = HistoryReply(
                request: .max - 1, outcome: outcome, points: 11, allowance: allowance, received: UTCNanos(rawValue: 5),
                clockOffset: allowance == nil ? nil : -3_600)
            let record = CandleRecord.reply(reply, to: request)
            #expect(String(decoding: record.bytes[..<11], as: UTF8.self) == "RPLYGBP_JPY")
            #expect(record.historyReply == reply && record.historyRequest == nil)
        }
    }

    @Test func `an unknown outcome is no reply`() {
        var record = CandleRecord.reply(
            HistoryReply(request: 1, outcome: .answered, points: 1, allowance: nil, received: UTCNanos(rawValue: 5)),
            to: request)
        record.flags = CandleFlags(rawValue: 9)
        #expect(record.historyReply == nil)
    }
}
