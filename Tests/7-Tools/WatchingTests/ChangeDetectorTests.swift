import MarketData
import Reports
import Testing

@testable import Watching

/// Looks at findings, a step of ten seconds after the other; the hold is 30 s, repeats come after 10 min.
private struct Looks {
    var detector: ChangeDetector
    var seconds: Int64 = 1_000
    var notices: [Notice] = []

    init(
        hold: Duration = .seconds(30), repeats: Duration? = .seconds(600), least: Finding.State = .failed,
        memory: ChangeDetector.Memory = .init(), at seconds: Int64 = 1_000
    ) {
        detector = ChangeDetector(.init(hold: hold, repeats: repeats, least: least), host: "fx1", memory: memory)
        self.seconds = seconds
    }

    /// What each message of these looks says, such as `+feed -disk =stages`.
    mutating func see(_ findings: [Finding], times: Int = 1) -> [String] {
        (0..<times).compactMap { _ in
            seconds += 10
            let now = UTCNanos(seconds: UTCSeconds(rawValue: seconds))
            let notice = detector.look(at: findings, now: now, monotonic: seconds * UTCNanos.perSecond)
            if let notice { notices.append(notice) }
            return notice.map(summary)
        }
    }

    private func summary(_ notice: Notice) -> String {
        func names(_ sign: String, _ items: [WatchedFinding]) -> [String] {
            items.map { item in
                let finding = item.finding
                let owner = finding.collector.map { "\($0):" } ?? ""
                return sign + owner + finding.check + (finding.subject.isEmpty ? "" : ".\(finding.subject)")
            }
        }
        let all = names("+", notice.appeared) + names("-", notice.ended) + names("=", notice.still)
        return all.joined(separator: " ")
    }
}

private func failed(_ check: String, _ subject: String = "", _ text: String = "is bad") -> Finding {
    Finding(check, subject, .failed, text, "look at it")
}

@Suite struct ChangeDetectorTests {
    private let feed = failed("feed")

    @Test func `a finding is told once it has lasted the hold, and only once`() {
        var looks = Looks()
        #expect(looks.see([feed], times: 3) == [])
        #expect(looks.see([feed]) == ["+feed"])
        #expect(looks.see([feed], times: 59) == [])
        #expect(looks.notices[0].appeared[0].since == 1_010)
        #expect(looks.notices[0].state == .failed)
    }

    @Test func `what is shorter than the hold is never told`() {
        var looks = Looks()
        for _ in 0..<5 {
            #expect(looks.see([feed], times: 3) == [])
            #expect(looks.see([], times: 4) == [])
        }
    }

    @Test func `without a hold each change is told at once`() {
        var looks = Looks(hold: .zero)
        #expect(looks.see([feed]) == ["+feed"])
        #expect(looks.see([]) == ["-feed"])
        #expect(looks.see([feed]) == ["+feed"])
    }

    @Test func `an end is told once it has lasted the hold, with its times`() {
        var looks = Looks()
        _ = looks.see([feed], times: 4)
        #expect(looks.see([], times: 3) == [])
        #expect(looks.see([]) == ["-feed"])
        #expect(looks.see([], times: 100) == [])
        let last = looks.notices[1]
        #expect(last.state == .ok)
        #expect(last.ended[0].since == 1_010)
        #expect(last.ended[0].until == 1_050)
        #expect(last.badSince == 1_010)
    }

    @Test func `what comes and goes is told once, and ends once`() {
        var looks = Looks()
        var told: [String] = []
        for _ in 0..<20 {
            told += looks.see([feed])
            told += looks.see([feed])
            told += looks.see([])
        }
        #expect(told == ["+feed"])
        #expect(looks.see([], times: 5) == ["-feed"])
    }

    @Test func `changing numbers make no message`() {
        var looks = Looks(repeats: nil)
        let told = (0..<50).flatMap { looks.see([failed("feed", "", "no heartbeat for \($0) s")]) }
        #expect(told == ["+feed"])
        #expect(looks.see([], times: 5) == ["-feed"])
        #expect(looks.notices[1].ended[0].finding.finding == "no heartbeat for 49 s")
    }

    @Test func `it repeats while something is bad`() {
        var looks = Looks()
        _ = looks.see([feed], times: 4)
        #expect(looks.see([feed], times: 59) == [])
        #expect(looks.see([feed]) == ["=feed"])
        #expect(looks.see([feed], times: 60) == ["=feed"])
        #expect(looks.notices[2].badSince == 1_010)
    }

    @Test func `any message puts the repeat off`() {
        var looks = Looks()
        _ = looks.see([feed], times: 50)
        #expect(looks.see([feed, failed("disk")], times: 4) == ["+disk =feed"])
        #expect(looks.see([feed, failed("disk")], times: 59) == [])
        #expect(looks.see([feed, failed("disk")]) == ["=feed =disk"])
    }

    @Test func `without repeats nothing is repeated`() {
        var looks = Looks(repeats: nil)
        #expect(looks.see([feed], times: 1_000) == ["+feed"])
    }

    @Test func `one end of two leaves the state bad, and the second says since when all was`() {
        var looks = Looks()
        _ = looks.see([feed, failed("disk")], times: 4)
        #expect(looks.see([feed], times: 4) == ["-disk =feed"])
        #expect(looks.notices[1].state == .failed)
        #expect(looks.see([], times: 4) == ["-feed"])
        #expect(looks.notices[2].badSince == 1_010)
    }

    @Test func `each pair and each collector is a finding of its own`() {
        var looks = Looks()
        let eur = failed("pair", "EUR_USD")
        let all = [eur, failed("pair", "GBP_USD"), eur.of("eu")]
        #expect(looks.see(all, times: 4) == ["+pair.EUR_USD +pair.GBP_USD +eu:pair.EUR_USD"])
        #expect(looks.see([eur], times: 4) == ["-pair.GBP_USD -eu:pair.EUR_USD =pair.EUR_USD"])
    }

    @Test func `several findings of one identity are one, with all sentences`() {
        var looks = Looks()
        let all = [failed("candles", "", "no fresh candle of 5m"), failed("candles", "", "no fresh candle of 15m")]
        #expect(looks.see(all, times: 4) == ["+candles"])
        #expect(looks.notices[0].appeared[0].finding.finding == "no fresh candle of 5m; no fresh candle of 15m")
        #expect(looks.see([all[0]], times: 20) == [])
    }

    @Test func `warnings are told only if they are wanted`() {
        let clock = Finding("clock", "", .warning, "is off")
        var quiet = Looks()
        #expect(quiet.see([clock], times: 20) == [])
        var all = Looks(least: .warning)
        #expect(all.see([clock], times: 20) == ["+clock"])
        #expect(all.notices[0].state == .warning)
    }

    @Test func `a warning that becomes a failure is told again, a failure that eases is not`() {
        let (warning, failure) = (Finding("pair", "EUR_USD", .warning, "main sees it"), failed("pair", "EUR_USD"))
        var looks = Looks(repeats: nil, least: .warning)
        #expect(looks.see([warning], times: 4) == ["+pair.EUR_USD"])
        #expect(looks.see([failure], times: 4) == ["+pair.EUR_USD"])
        #expect(looks.see([warning], times: 20) == [])
        #expect(looks.see([failure], times: 4) == ["+pair.EUR_USD"])
        #expect(looks.see([], times: 4) == ["-pair.EUR_USD"])
    }

    @Test func `what goes back and forth between warning and failure is told once`() {
        let (warning, failure) = (Finding("feed", "", .warning, "main sees it"), feed)
        var looks = Looks(repeats: nil, least: .warning)
        let told = (0..<20).flatMap { looks.see([$0 % 2 == 0 ? warning : failure], times: 2) }
        #expect(told == ["+feed"])
    }

    @Test func `after a restart what was told is not told again, and its end is`() {
        var before = Looks()
        _ = before.see([feed, failed("disk")], times: 4)
        var after = Looks(memory: before.detector.memory, at: before.seconds)
        #expect(after.see([feed], times: 3) == [])
        #expect(after.see([feed]) == ["-disk =feed"])
        #expect(after.see([feed], times: 59) == [])
        #expect(after.see([feed]) == ["=feed"])
        #expect(after.see([], times: 4) == ["-feed"])
        #expect(after.notices.last?.badSince == 1_010)
    }

    @Test func `what was not told yet waits anew after a restart`() {
        var before = Looks()
        _ = before.see([feed], times: 3)
        #expect(before.detector.memory == ChangeDetector.Memory())
        var after = Looks(memory: before.detector.memory, at: before.seconds)
        #expect(after.see([feed], times: 4) == ["+feed"])
    }

    @Test func `what grew worse before a restart and was not told yet is told after it`() {
        var before = Looks(least: .warning)
        #expect(before.see([Finding("feed", "", .warning, "is slow")], times: 4) == ["+feed"])
        #expect(before.see([feed], times: 2) == [])
        var after = Looks(least: .warning, memory: before.detector.memory, at: before.seconds)
        #expect(after.see([feed], times: 4) == ["+feed"])
    }

    @Test func `other numbers of what was told leave the memory as it is`() {
        var looks = Looks()
        #expect(looks.see([feed], times: 4) == ["+feed"])
        let memory = looks.detector.memory
        #expect(looks.see([failed("feed", "", "has other numbers")]) == [])
        #expect(looks.detector.memory == memory)
    }

    @Test func `a memory is the same after its JSON`() throws {
        var looks = Looks()
        _ = looks.see([feed.of("eu"), failed("pair", "EUR_USD")], times: 4)
        let memory = looks.detector.memory
        #expect(memory.told.count == 2)
        #expect(try decoded(memory) == memory)
    }

    @Test func `a wall clock that steps back neither silences nor hurries`() {
        var looks = Looks()
        _ = looks.see([feed], times: 4)
        var stepped = Looks(memory: looks.detector.memory, at: 500)
        #expect(stepped.see([feed], times: 60) == [])
        #expect(stepped.see([feed]) == ["=feed"])
    }

    /// Every row of eight looks at one finding: told and ended in turn, never without the time that it takes.
    @Test func `every short history is told in turn`() {
        for bits in 0..<(1 << 12) {
            var looks = Looks(hold: .seconds(20), repeats: nil)
            let history = (0..<12).map { bits >> $0 & 1 == 1 }
            let told = history.flatMap { looks.see($0 ? [feed] : []) } + looks.see([], times: 5)
            let expected = (0..<told.count).map { $0 % 2 == 0 ? "+feed" : "-feed" }
            guard told == expected, told.count % 2 == 0 else {
                Issue.record("\(history): \(told)")
                return
            }
            let needed = history.count { $0 } >= 3
            if !told.isEmpty, !needed { Issue.record("\(history): told without its time") }
        }
    }
}
