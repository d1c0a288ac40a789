import Aggregation
import Candles
import MarketData
import Testing
import TestKit
import Wire

@Suite struct ResumedFoldTests {
    private let folder = TemporaryFolder()
    private static let ticks: [TickEnvelope] = [
        Make.feed(.blindBegan(since: Make.nanos(0))),
        Make.feed(.blindEnded(from: Make.nanos(0), until: Make.nanos(299)), at: 299),
        Make.tick(301, "1.1", "1.2"), Make.tick(302, "1.2", "1.3", pair: Pair("NZDUSD")!), Make.clock(602),
        Make.feed(.sessionPreserved, at: 603), Make.tick(650, "1.1", "1.2"), Make.clock(902),
    ]

    /// The output of a start with this in its candles journal; events as their names, candles as their pairs.
    private func news(holding held: [CandleEnvelope], lacking lost: Int? = nil) throws -> [String] {
        try records(holding: held, lacking: lost).map {
            $0.feedEvent?.name ?? "\($0.pair) \($0.start.seconds)"
        }
    }

    private func records(holding held: [CandleEnvelope], lacking lost: Int? = nil) throws -> [CandleEnvelope] {
        let path = try journal(of: held, in: folder)
        var fold = ResumedFold(
            options: CandleBuilder.Options(), emitted: try EmittedMarks(journalFolder: path).ticks)
        for (place, var record) in Self.ticks.enumerated() where place + 1 != lost {
            record.seal(position: UInt64(place + 1))
            fold.fold(record)
        }
        var news: [CandleEnvelope] = []
        try fold.takeNew(publishTime: Make.nanos(1)) { news.append($0) }
        return news
    }

    @Test func `wherever the journal ends, the rest comes, once`() throws {
        let all = try records(holding: [])
        #expect(all.count == 8)
        let names = try news(holding: [])
        for count in 0...all.count {
            #expect(try news(holding: Array(all[..<count])) == Array(names[count...]), "of \(count)")
        }
    }

    @Test func `a hole is reported even if the journal has another event of that position`() throws {
        #expect(try news(holding: records(holding: []), lacking: 6) == ["blind ended"])
    }
}
