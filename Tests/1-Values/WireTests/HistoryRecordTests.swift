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
        let empty = EmptyRecord(series, start: UTCNanos(seconds: 1_800), isUnusable: true)
        let records = [RequestRecord(request).envelope, ReplyRecord(reply, to: request).envelope, empty.envelope]
        let bytes = records.enumerated().flatMap {
            var record = $1
            record.seal(position: UInt64($0 + 41))
            return record.bytes
        }
        #expect(bytes == Golden.bytes("wire/history-v1.bin", actual: bytes))
    }

    @Test func `a request comes out of its record as it went in`() {
        let record = RequestRecord(request).envelope
        #expect(String(decoding: record.bytes[..<11], as: UTF8.self) == "RQSTGBP_JPY")
        guard case .request(let sent) = record.content else { Issue.record("\(record.content)"); return }
        #expect(sent.request == request && record.inputStream == .history)
    }

    @Test(arguments: [HistoryReply.Outcome.answered, .refused, .unanswered])
    func `so does a reply, with and without an allowance`(outcome: HistoryReply.Outcome) {
        for allowance in [nil, HistoryReply.Allowance(remaining: 0, total: 10_000, renewal: 99)] {
            let reply = HistoryReply(
                request: .max - 1, outcome: outcome, points: 11, allowance: allowance, received: UTCNanos(rawValue: 5),
                clockOffset: allowance == nil ? nil : -3_600)
            let record = ReplyRecord(reply, to: request).envelope
            #expect(String(decoding: record.bytes[..<11], as: UTF8.self) == "RPLYGBP_JPY")
            guard case .reply(let answer) = record.content else { Issue.record("\(record.content)"); return }
            #expect(answer.reply == reply)
        }
    }

    @Test func `an unknown outcome is no reply`() {
        let reply = HistoryReply(
            request: 1, outcome: .answered, points: 1, allowance: nil, received: UTCNanos(rawValue: 5))
        var record = ReplyRecord(reply, to: request).envelope
        withUnsafeMutableBytes(of: &record) { $0.storeBytes(of: 9, toByteOffset: 36, as: UInt32.self) }
        guard case .unknown = record.content else { Issue.record("\(record.content)"); return }
    }
}
