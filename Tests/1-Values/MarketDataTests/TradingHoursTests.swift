import Foundation
@testable import MarketData
import Testing
import TestKit

@Suite struct TradingHoursTests {
    /// Monday 2026-05-11 00:00 UTC.
    private static let monday: UTCSeconds = 1_778_457_600

    private static func hours(_ zone: String, _ sessions: String...) -> TradingHours {
        TradingHours(zone: ZoneRule(zone)!, named: zone, sessions: sessions.map { WeeklySession($0)! })
    }

    private static let timeframes = [1, 5, 15, 60, 240, 1_440].map { Timeframe(minutes: $0)! }

    @Test func `sessions in New York's time are the trading week of currencies, for four years of hours`() {
        let sessions = Self.hours("America/New_York", "Sun 17:00-Fri 17:00")
        for hour in 0..<(4 * 8_766) {
            let moment = UTCSeconds(rawValue: 1_700_000_000 + Int64(hour) * 3_600)
            guard
                sessions.opened(by: moment) != TradingHours.fx.opened(by: moment)
                    || sessions.next(after: moment, .fiveMinutes) != TradingHours.fx.next(after: moment, .fiveMinutes)
            else { continue }
            Issue.record("\(moment.text())")
        }
    }

    @Test(arguments: TradingHours.calendars + [hours("Asia/Tokyo", "Mon-Fri 09:00-11:30", "Mon-Fri 12:30-15:30")])
    func `the last intervals touch open time, one after the other`(hours: TradingHours) throws {
        for timeframe in Self.timeframes {
            for step in stride(from: Int64(0), to: 400, by: 7) {
                let now = Self.monday + step * 3_600 + 130
                let starts = hours.starts(of: timeframe, last: 60, endedBy: now)
                let first = try #require(starts.first)
                #expect(starts.count == 60 && starts.last! + timeframe <= now)
                #expect(starts.allSatisfy { hours.isOpen(during: $0..<($0 + timeframe)) })
                let next = now - timeframe + .seconds(1)
                #expect(hours.starts(of: timeframe, in: first..<next) == starts)
            }
        }
    }

    @Test func `an exchange is open in its sessions alone`() {
        let tokyo = Self.hours("Asia/Tokyo", "Mon-Fri 09:00-11:30", "Mon-Fri 12:30-15:30")
        #expect(!tokyo.isOpen(at: Self.monday - 1) && tokyo.isOpen(at: Self.monday))
        #expect(tokyo.isOpen(at: Self.monday + 8_999) && !tokyo.isOpen(at: Self.monday + 9_000))
        #expect(tokyo.opened(by: Self.monday + 12_600) == (Self.monday + 12_600)..<(Self.monday + 23_400))
        let day = Self.monday..<(Self.monday + 86_400)
        #expect(tokyo.starts(of: .fiveMinutes, in: day).count == 30 + 36)
        #expect(tokyo.next(after: Self.monday + 8_700, .fiveMinutes) == Self.monday + 12_600)
        // From Friday's close to Monday.
        let friday = Self.monday + 4 * 86_400
        #expect(tokyo.next(after: friday + 23_100, .fiveMinutes) == Self.monday + 7 * 86_400)
        let hour = Timeframe(minutes: 60)!
        // 11:00 to 12:00 is open for half an hour, 12:00 to 13:00 too.
        #expect(tokyo.parts(of: Self.monday + 7_200, hour, .fifteenMinutes).count == 2)
        #expect(tokyo.parts(of: Self.monday + 10_800, hour, .fifteenMinutes).count == 2)
    }

    @Test func `sessions that end on the next day follow the days of their opening`() {
        let cme = TradingHours.calendars.first { $0.text == "cme" }!
        // Monday 16:59 in New York is 20:59 UTC in May; an hour's pause follows.
        let pause = Self.monday + 21 * 3_600
        #expect(cme.isOpen(at: pause - 1) && !cme.isOpen(at: pause) && cme.isOpen(at: pause + 3_600))
        let friday = pause + 4 * 86_400
        #expect(cme.isOpen(at: friday - 1) && !cme.isOpen(at: friday + 3_600))
        #expect(!cme.isOpen(at: Self.monday - 2 * 3_600 - 1) && cme.isOpen(at: Self.monday - 2 * 3_600))
    }

    @Test func `sessions that touch or overlap count as one, and hours without a pause are always open`() {
        let days = Self.hours("UTC", "Mon-Fri 00:00-24:00", "Wed 12:00-13:00")
        #expect(days.opened(by: Self.monday + 300_000) == Self.monday..<(Self.monday + 5 * 86_400))
        let weekend = Self.hours("UTC", "Sat-Sun 00:00-24:00", "Mon 00:00-06:00")
        #expect(
            weekend.opened(by: Self.monday + 100) == (Self.monday - 2 * 86_400)..<(Self.monday + 6 * 3_600))
        for always in [TradingHours.always, Self.hours("Europe/London", "Mon-Sun 00:00-24:00")] {
            for hour in Int64(0)..<400 { #expect(always.isOpen(at: Self.monday + hour * 3_600)) }
            #expect(always.next(after: Self.monday, .fiveMinutes) == Self.monday + 300)
            #expect(always.starts(of: .fiveMinutes, last: 3_000, endedBy: Self.monday).first == Self.monday - 900_000)
        }
    }

    @Test func `a session keeps its local time when the clocks change`() {
        let london = Self.hours("Europe/London", "Mon-Fri 08:00-16:30")
        // Friday 2026-03-27 in winter, Monday 2026-03-30 in summer.
        let friday: UTCSeconds = 1_774_569_600
        #expect(london.opened(by: friday + 43_200).lowerBound == friday + 8 * 3_600)
        #expect(london.next(after: friday + 16 * 3_600 + 1_500, .fiveMinutes) == friday + 3 * 86_400 + 7 * 3_600)
    }

    @Test(arguments: [
        "", "Mon", "Mon-Fri", "08:00-16:30", "Mon 08:00", "Mon 8:00-16:30", "Mon 08:00-24:01", "Mon 24:00-24:00",
        "Mon 08:60-09:00", "Mon-Tue-Wed 08:00-09:00", "Mon, Tue 08:00-09:00", "Mo 08:00-09:00", "Mon 08:00-Fri",
        "Mon-Fri 08:00-Fri 16:00", "Mon 08:00-09:00 UTC", "Mon +8:00-09:00", "Mon ٠٨:00-09:00",
    ])
    func `what is no session is refused`(text: String) {
        #expect(WeeklySession(text) == nil)
    }

    @Test func `hours that are not configured are FX's`() {
        let index = Instrument(pair: Pair("DE40")!, epic: "IX.D.DAX.IFMM.IP", hours: .always)
        let calendar = TradingCalendar([index, Instrument(pair: Pair("EURUSD")!, epic: "CS.D.EURUSD.CFD.IP")])
        #expect(calendar[index.pair] == .always)
        #expect(calendar[Pair("EURUSD")!] == .fx && calendar[Pair("UK100")!] == .fx)
    }
}

@Suite struct ZoneRuleTests {
    /// Every four hours of four years, with all that the rules know.
    @Test(arguments: ZoneRule.named.keys.sorted())
    func `a named zone is that of the system`(name: String) throws {
        let zone = try #require(TimeZone(identifier: name))
        let rule = try #require(ZoneRule(name))
        for step in Int64(0)..<(4 * 2_192) {
            let moment = 1_704_067_200 + step * 14_400
            let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(moment)))
            guard rule.offset(at: moment) != Int64(offset) else { continue }
            Issue.record("\(name) \(moment)")
        }
    }

    @Test
    func `every moment has the local time that leads back to it, or to an earlier one in the hour that comes twice`() {
        for text in ["Europe/London", "Australia/Sydney", "America/New_York", "Asia/Kolkata"] {
            let rule = ZoneRule(text)!
            for step in Int64(0)..<17_532 {
                let moment = 1_767_225_600 + step * 1_800
                let back = rule.moment(of: moment + rule.offset(at: moment))
                guard back != moment, back != moment - 3_600 || rule.offset(at: back) == rule.offset(at: moment) else {
                    continue
                }
                Issue.record("\(text) \(moment)")
            }
        }
    }

    @Test func `a local time that is skipped is the moment of the change, one that comes twice the first of both`() {
        let london = ZoneRule("GMT0BST,M3.5.0/1,M10.5.0")!
        // 2026-03-29 01:00 UTC; 2026-10-25 00:30 UTC.
        #expect(london.moment(of: 1_774_746_000 + 1_800) == 1_774_746_000)
        #expect(london.moment(of: 1_792_891_800) == 1_792_888_200)
    }

    @Test(arguments: [
        "", "Europe/Atlantis", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J60,J300", "CET-1CEST,M3.5.0,M10.5.0x", "CET-999", "<+08-8", "C1",
    ])
    func `what is no rule is refused`(text: String) {
        #expect(ZoneRule(text) == nil)
    }
}
