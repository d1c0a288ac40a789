@testable import StoreWriting
import MarketData
import TestKit
import Testing
import Wire

private let millisecond = UTCNanos.perMillisecond
private let minute = 60 * UTCNanos.perSecond

@Suite struct CandleDelaysTests {
    @Test func `a percentile is at most a bucket above the truth`() throws {
        var delays = CandleDelays()
        // In no order: 617 and 1,000 have no common factor.
        for place in 1...1_000 { delays.note(Int64(place * 617 % 1_000 + 1) * millisecond, isBusy: true, at: 0) }
        let figures = try #require(delays.figures(isBusy: true, at: 0))
        #expect(figures.candles == 1_000 && figures.worst == 1_000 * millisecond)
        for (found, truth) in [(figures.p50, 500), (figures.p90, 900), (figures.p99, 990)] as [(Int64, Int64)] {
            #expect(found >= truth * millisecond && found <= truth * millisecond / 100 * 112)
        }
    }

    @Test(arguments: [0, 1, 5 * millisecond, 59_999 * millisecond, 60_001 * millisecond, 3_600_000 * millisecond])
    func `no percentile is above the worst`(delay: Int64) {
        var delays = CandleDelays()
        delays.note(delay, isBusy: false, at: 0)
        let figures = CandleDelays.Figures(candles: 1, p50: delay, p90: delay, p99: delay, worst: delay)
        #expect(delays.figures(isBusy: false, at: 0) == figures)
    }

    @Test func `one slow candle of a hundred is the worst, of fifty the p99`() throws {
        for (count, p99) in [(99, 1), (49, 30_000)] as [(Int, Int64)] {
            var delays = CandleDelays()
            for _ in 0..<count { delays.note(millisecond, isBusy: true, at: 0) }
            delays.note(30_000 * millisecond, isBusy: true, at: 0)
            let figures = try #require(delays.figures(isBusy: true, at: 0))
            #expect(figures.p50 == millisecond && figures.p90 == millisecond)
            #expect(figures.p99 == p99 * millisecond && figures.worst == 30_000 * millisecond)
        }
    }

    @Test func `busy and quiet pairs are apart, and nothing gives no figures`() {
        var delays = CandleDelays()
        #expect(delays.figures(isBusy: true, at: 0) == nil && delays.revised(at: 0) == 0)
        delays.note(7 * millisecond, isBusy: true, at: 0)
        #expect(delays.figures(isBusy: false, at: 0) == nil)
        delays.note(700 * millisecond, isBusy: false, at: 0)
        #expect(delays.figures(isBusy: true, at: 0)?.worst == 7 * millisecond)
        #expect(delays.figures(isBusy: false, at: 0)?.worst == 700 * millisecond)
    }

    @Test func `an hour later it is forgotten`() {
        var delays = CandleDelays()
        let start = 1_000 * minute
        delays.note(9 * millisecond, isBusy: true, at: start)
        delays.noteRevised(2, at: start)
        delays.note(millisecond, isBusy: true, at: start + 59 * minute)
        #expect(delays.figures(isBusy: true, at: start + 60 * minute - 1)?.worst == 9 * millisecond)
        #expect(delays.revised(at: start + 60 * minute - 1) == 2)
        #expect(delays.figures(isBusy: true, at: start + 60 * minute)?.worst == millisecond)
        #expect(delays.revised(at: start + 60 * minute) == 0)
        #expect(delays.figures(isBusy: true, at: start + 120 * minute) == nil)
    }

    @Test func `a minute takes the place of the one an hour before`() {
        var delays = CandleDelays()
        delays.note(9 * millisecond, isBusy: true, at: 5 * minute)
        delays.note(millisecond, isBusy: true, at: 65 * minute)
        let figures = delays.figures(isBusy: true, at: 65 * minute)
        #expect(figures?.candles == 1 && figures?.worst == millisecond)
    }
}

@Suite struct BrokerLeadTests {
    private func heartbeat(_ brokerTime: Double, after delay: Double) -> ClockRecord {
        ClockRecord(Make.nanos(brokerTime), receiveTime: Make.nanos(brokerTime - 100 + delay))
    }

    @Test func `the least delayed heartbeat of the last sixty counts`() {
        var lead = BrokerLead()
        #expect(lead.nanos == nil)
        lead.note(heartbeat(1_000, after: 0.5))
        #expect(lead.nanos == Make.nanos(99.5).rawValue)
        lead.note(heartbeat(1_001, after: 0.25))
        for place in 0..<59 { lead.note(heartbeat(1_002 + Double(place), after: 0.5)) }
        #expect(lead.nanos == Make.nanos(99.75).rawValue)
        lead.note(heartbeat(1_061, after: 0.5))
        #expect(lead.nanos == Make.nanos(99.5).rawValue)
    }

    @Test func `a predicted clock counts until three more have come, however many heartbeats come between`() {
        var lead = BrokerLead()
        for (round, way) in [0.0, 0.5, 0.5, 0.5].enumerated() {
            let moment = 1_000 + Double(round) * 300
            let predicted = ClockRecord(
                Make.nanos(moment + 0.5), receiveTime: Make.nanos(moment - 100 + way - 0.9), flags: .predicted)
            lead.note(predicted)
            // Repeated by a heartbeat that is older.
            lead.note(ClockRecord(predicted.brokerTime, receiveTime: Make.nanos(moment - 100), flags: .predicted))
            for second in 1..<300 { lead.note(heartbeat(moment + Double(second), after: 0.1)) }
            #expect(lead.nanos == Make.nanos(round < 3 ? 101.4 : 100.9).rawValue, "round \(round)")
        }
    }

    @Test func `when the broker's clock is set back, what came before does not count`() {
        var lead = BrokerLead()
        lead.note(ClockRecord(Make.nanos(9_000), receiveTime: Make.nanos(1_000)))
        lead.note(ClockRecord(Make.nanos(1_001), receiveTime: Make.nanos(1_001)))
        #expect(lead.nanos == 0)
    }
}
