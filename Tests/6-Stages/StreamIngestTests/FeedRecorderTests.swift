import Assumptions
import IG
import MarketData
@testable import StreamIngest
import Testing
import TestKit
import TLCP
import Wire

/// A recorder behind a real session whose server is a script. Times are in seconds.
private struct Script: ~Copyable {
    var session: ClientSession
    var recorder: FeedRecorder
    /// Monotonic; the host's clock says 1,600,000,500 at 1,000.
    var clock: Double = 1_000
    /// How far the host's clock is off.
    var wallError: Double = 0
    private static let wallOffset: Double = 1_599_999_500
    /// Seconds after 1,600,000,500, which is a Sunday, at which the feed begins.
    var later = 0
    var transport: TransportID?

    init(
        pairs: [String] = ["EURUSD", "USDJPY"], lastFeedTime: Double = 0, hasNative: Bool = false, later: Int = 0,
        hours: [String: TradingHours] = [:]
    ) {
        self.later = later
        let instruments = pairs.map {
            Instrument(pair: Pair($0)!, epic: "CS.D.\($0).CFD.IP", hours: hours[$0] ?? .fx)
        }
        let native = NativeCandles(instruments: instruments, timeframes: [.fiveMinutes], limit: 40)
        recorder = FeedRecorder(
            instruments: instruments, past: FeedPast(time: Make.nanos(lastFeedTime)), native: hasNative ? native : nil)
        var options = SessionOptions(endpoint: Endpoint("http://127.0.0.1:1")!)
        options.transports = .webSocketOnly
        session = ClientSession(options: options, seed: 1)
        recorder.begin(now: wall, monotonic: Int64(clock * 1e9))
        _ = session.subscribe(
            SubscriptionRequest(mode: .merge, items: ["TRADE:HB.U.HEARTBEAT.IP"], fields: ["HEARTBEAT"]), now: now)
        for instrument in instruments {
            _ = session.subscribe(
                SubscriptionRequest(mode: .distinct, items: [instrument.tickItem], fields: ["BID", "OFR", "UTM"]),
                now: now)
        }
        for request in recorder.native?.requests ?? [] { _ = session.reserve(request) }
        session.start(now: now, into: &recorder)
        connect()
    }

    var now: Duration { .nanoseconds(Int64(clock * 1e9)) }
    var wall: UTCNanos { Make.nanos(clock + Self.wallOffset + Double(later) + wallError) }

    mutating func connect() {
        for action in session.takeActions() {
            if case .openWebSocket(let id, _, _) = action { transport = id }
        }
        session.transportOpened(transport!, now: now)
        _ = session.takeActions()
    }

    mutating func say(_ lines: String...) {
        let text = lines.map { $0 + "\r\n" }.joined()
        recorder.burstBegan(now: wall, monotonic: Int64(clock * 1e9))
        Array(text.utf8).withUnsafeBytes { session.received($0, from: transport!, now: now, into: &recorder) }
        session.burstEnded(now: now, into: &recorder)
    }

    mutating func pass(_ seconds: Double) {
        clock += seconds
        session.timePassed(now: now, into: &recorder)
        recorder.timePassed(now: wall, monotonic: Int64(clock * 1e9))
    }

    /// Session, heartbeat and both ticks subscribed at feed time 500.
    mutating func subscribeAll(first: Int = 1) {
        say(
            "WSOK", "CONOK,S1,50000,5000,*", "SUBOK,\(first),1,1", "CONF,\(first),unlimited,filtered",
            "U,\(first),1,\(1_600_000_500 + later)")
        say("SUBOK,\(first + 1),1,3", "EOS,\(first + 1),1", "SUBOK,\(first + 2),1,3", "EOS,\(first + 2),1")
    }

    /// The records since the last call, one short text each.
    mutating func take() -> [String] {
        defer { recorder.output.records = [] }
        return texts(recorder.output.records)
    }
}

@Suite struct FeedRecorderTests {
    /// Both pairs' native candles are subscribed, behind what `subscribeAll` subscribes.
    private static func opinionated(hours: [String: TradingHours] = [:]) -> Script {
        var script = Script(hasNative: true, later: 86_400, hours: hours)
        script.subscribeAll()
        for turn in script.recorder.native?.takeTurns() ?? [] {
            if case .open(let subscription) = turn { script.session.open(subscription, now: script.now) }
        }
        _ = script.session.takeActions()
        let nothing = Array(repeating: "#", count: 11).joined(separator: "|")
        for number in [4, 5] { script.say("SUBOK,\(number),1,11", "U,\(number),1,\(nothing)") }
        _ = script.take()
        script.recorder.output.events = []
        return script
    }

    /// An interval passes with a heartbeat each second, and each pair's candle ends: `UTM` in ms.
    private static func pass(_ script: inout Script, to end: Int64, ticking: [Int]) -> [Int] {
        var renewals: [Int] = []
        for second in (end - 300)...end {
            script.pass(1)
            script.say("U,1,1,\(second)")
            for number in ticking where second % 20 == 10 { script.say("U,\(number),1,1.1|1.2|\(second)000") }
            if let silent = script.recorder.takeSilentSubscription() { renewals.append(silent) }
        }
        let prices = "1.1|1.3|1.0|1.2|1.11|1.31|1.01|1.21"
        for number in [4, 5] { script.say("U,\(number),1,\(end - 300)000|\(prices)|1|250") }
        return renewals
    }

    @Test func `a pair whose native candles move without a tick is blind since its last`() {
        var script = Self.opinionated()
        // A start of five minutes, on a Monday.
        let start: Int64 = 1_600_086_900
        _ = Self.pass(&script, to: start + 300, ticking: [2, 3])
        #expect(script.recorder.output.candles.count == 2 && script.recorder.suspects == [])
        _ = script.take()
        _ = Self.pass(&script, to: start + 600, ticking: [3])
        #expect(script.recorder.suspects == [1] && script.recorder.blindPairs == [])
        let renewals = Self.pass(&script, to: start + 900, ticking: [3])
        #expect(renewals.first == 1)
        #expect(script.recorder.blindPairs == [Pair("EURUSD")!])
        #expect(script.recorder.output.counters.subscriptionsFrozen == 1)
        let told = script.take().filter { $0.hasPrefix("blind") || $0.contains("frozen") }
        #expect(told == ["subscription frozen", "blind since 87190"])
        // The next tick ends it, and only then.
        script.say("U,1,1,\(start + 901)", "U,2,1,1.1|1.2|\(start + 901)500")
        #expect(script.recorder.blindPairs == [])
        #expect(script.take().contains("blind 87190 to 87801"))
    }

    @Test func `a silent pair is looked at while its own market is open`() {
        let hours = TradingHours(
            zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Tue 08:00-09:00")!])
        // On a Monday at 12:35 UTC.
        var script = Self.opinionated(hours: ["USDJPY": hours])
        #expect(script.recorder.openMarkets == [0])
        #expect(Set(Self.pass(&script, to: 1_600_087_200, ticking: [])) == [1])
        script = Self.opinionated()
        #expect(script.recorder.openMarkets == [0, 1])
        #expect(Set(Self.pass(&script, to: 1_600_087_200, ticking: [])) == [1, 2])
    }

    @Test func `native candles that are not what the broker promises are counted`() {
        var script = Self.opinionated()
        let prices = "1.1|1.3|1.0|1.2|1.11|1.31|1.01|1.21"
        script.say("U,4,1,1600086600000|\(prices)|1|250", "U,5,1,1600086601000|\(prices)|1|250")
        let count = script.recorder.assumptionTally[.nativeCandles]
        #expect(count.held == 1 && count.violated == 1)
        #expect(count.note == "CS.D.USDJPY.CFD.IP: its start or its tick count is missing or invalid")
    }

    @Test func `a contradicted pair is looked at again, and a new snapshot ends its blindness`() {
        var script = Self.opinionated()
        let start: Int64 = 1_600_086_900
        _ = Self.pass(&script, to: start + 300, ticking: [2, 3])
        _ = Self.pass(&script, to: start + 600, ticking: [3])
        _ = Self.pass(&script, to: start + 900, ticking: [3])
        #expect(script.recorder.blindPairs == [Pair("EURUSD")!])
        // Nothing answers the first look; the next one comes by itself.
        let looks = Self.pass(&script, to: start + 1_200, ticking: [3])
        #expect(looks.filter { $0 == 1 }.count >= 2)
        _ = script.take()
        script.session.renew(1, now: script.now)
        script.say("SUBOK,6,1,3", "U,6,1,1.1|1.2|\(start + 1_199)000", "EOS,6,1")
        #expect(script.recorder.blindPairs == [])
        #expect(script.take().contains { $0.hasPrefix("blind 87190 to 88") })
    }

    @Test func `a pair is not blind where no pair ticks, as on a holiday`() {
        var script = Self.opinionated()
        let start: Int64 = 1_600_086_900
        _ = Self.pass(&script, to: start + 300, ticking: [2, 3])
        _ = Self.pass(&script, to: start + 600, ticking: [])
        _ = Self.pass(&script, to: start + 900, ticking: [])
        #expect(script.recorder.blindPairs == [] && script.recorder.suspects == [])
    }

    @Test func `a pair that is refused for too many items gets one of the second opinion's`() {
        var script = Self.opinionated()
        script.say("UNSUB,2")
        for _ in 0..<62 {
            script.pass(1)
            script.say("PROBE")
        }
        // Three of the feed, two native ones, and the one that is asked for again.
        script.say("REQERR,6,-1,Subscription limit exceeded")
        #expect(script.recorder.asksAgain)
        #expect(script.recorder.native?.share == 1)
    }

    @Test func `nothing of native candles is an event of a pair`() {
        var script = Self.opinionated()
        script.say("UNSUB,4", "OV,5,1,7", "U,5,1,1", "CONF,5,0.5,filtered", "CS,5,1", "EOS,5,1")
        #expect(script.take() == [] && script.recorder.blindPairs == [])
        #expect(script.recorder.output.events == [])
        #expect(script.recorder.output.counters.lostUpdates == 0)
    }

    @Test func `a fresh start is blind until every subscription is answered`() {
        var script = Script()
        script.subscribeAll()
        #expect(script.take() == ["blind since 0", "clock @500.0", "session new", "blind 0 to 500"])
    }

    @Test func `a snapshot newer than the heartbeat moves the end of the blindness`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "SUBOK,3,1,3")
        #expect(script.take() == ["blind since 0", "clock @500.0", "session new"])
        script.say("EOS,2,1", "U,3,1,161.2|161.3|1600000500700", "EOS,3,1")
        #expect(script.take() == ["USD_JPY 161.2 161.3 @500.7 1", "blind 0 to 500"])
    }

    @Test func `the hole holds the newest snapshot's own moment, when there may have been another tick`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.say("U,2,1,1.1|1.2|1600000500700", "EOS,2,1", "EOS,3,1")
        let ends = script.recorder.output.records.compactMap { record -> Int64? in
            if case .blindEnded(_, let until) = record.feedEvent { until.rawValue } else { nil }
        }
        #expect(ends == [1_600_000_500_700_000_001])
    }

    @Test func `a snapshot that never ends keeps no pair blind beyond the next heartbeat`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.say("U,1,1,1600000501")
        #expect(
            script.take() == [
                "blind since 0", "clock @500.0", "session new", "blind since 0", "blind since 0", "blind 0 to 501",
                "clock @501.0",
            ])
        // The pairs themselves wait for the second heartbeat.
        script.say("U,1,1,1600000502")
        #expect(script.take() == ["blind 0 to 502", "blind 0 to 502", "clock @502.0"])
        // Later updates are not snapshots.
        script.say("U,2,1,1.1|1.2|1600000502500")
        #expect(script.take() == ["EUR_USD 1.1 1.2 @502.5 0"])
    }

    @Test func `without a heartbeat the blindness ends before the first live tick`() {
        var script = Script(lastFeedTime: 1_600_000_400)
        script.say("WSOK", "CONOK,S1,50000,5000,*", "REQERR,1,21,Invalid group", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.clock += 100
        script.say("U,2,1,1.1|1.2|1600000598000", "EOS,2,1", "EOS,3,1", "U,2,1,1.1|1.3|1600000600000")
        // The snapshot was far ahead of the journal, and not believed: it may be newer than the live tick.
        #expect(
            script.take() == [
                "blind since 398", "instrument refused", "session new", "blind 398 to 602",
                "EUR_USD 1.1 1.3 @600.0 0",
            ])
    }

    @Test func `prices are exact, and missing, inverted and repeated ones are flagged`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.say(
            "U,2,1,1.38676|1.38686|1600000501292", "U,2,1,|1.38687|", "U,2,1,^3", "U,2,1,#||", "U,2,1,1.4|1.3|",
            "U,2,1,#|#|#", "U,3,1,161.204|161.21|1600000501000")
        #expect(
            script.take() == [
                "EUR_USD 1.38676 1.38686 @501.292 0", "EUR_USD 1.38676 1.38687 @501.292 0",
                "EUR_USD 1.38676 1.38687 @501.292 0", "EUR_USD 0 1.38687 @501.292 8", "EUR_USD 1.4 1.3 @501.292 32",
                "EUR_USD 0 0 @501.292 24", "USD_JPY 161.204 161.21 @501.0 0",
            ])
    }

    @Test func `a snapshot that repeats the last tick, or is older, is flagged as duplicate`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000", "END,48,Session duration")
        script.pass(1)
        script.connect()
        script.say("WSOK", "CONOK,S2,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,3", "SUBOK,3,1,3")
        _ = script.take()
        script.say("U,2,1,1.1|1.2|1600000501000", "U,2,1,1.0||1600000500000", "U,2,1,1.15||1600000502000")
        #expect(
            script.take() == [
                "EUR_USD 1.1 1.2 @501.0 5", "EUR_USD 1 1.2 @500.0 5", "EUR_USD 1.15 1.2 @502.0 1",
            ])
    }

    @Test func `a time that nothing explains is set aside, however often it comes`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        _ = script.take()
        script.say("U,2,1,1.1|1.2|1600090000000", "U,1,1,1600090000", "U,2,1,1.1|1.2|1600000502000", "U,1,1,1600000502")
        #expect(script.take() == ["updates lost", "EUR_USD 1.1 1.2 @502.0 0", "clock @502.0"])
        script.say("U,1,1,1600090000", "U,1,1,1600090001")
        #expect(script.take() == [] && script.recorder.output.counters.timesSetAside == 4)
    }

    @Test(arguments: [
        "1.123456789|1.2|1600000501000", "abc|1.2|1600000501000", "-1|1.2|1600000501000", "0|1.2|1600000501000",
        "1.1|$|1600000501000", "1.1|1e3|1600000501000", "1.1|1.2|soon", "1.1|1.2|#", "1.1|1.2|1600000501",
        "1.1|1.2|99999999999999999999", "1.1|1.2|$", "%C3%28|1.2|1600000501000",
    ])
    func `a wrong number is no tick, counts as a lost update, and harms no later one`(values: String) {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        _ = script.take()
        script.say("EOS,2,1", "U,2,1,\(values)", "U,2,1,1.5|1.6|1600000502000")
        #expect(script.take() == ["updates lost", "EUR_USD 1.5 1.6 @502.0 0"])
        #expect(script.recorder.output.counters.badPrices + script.recorder.output.counters.badTimes == 1)
    }

    @Test func `each heartbeat is a clock record, in seconds or milliseconds, and never steps back`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.say("U,1,1,1600000501", "U,1,1,1600000502500", "U,1,1,1600000400", "U,1,1,tick", "U,1,1,#", "U,1,1,5")
        #expect(script.take() == ["clock @501.0", "clock @502.5", "clock @502.5"])
        #expect(script.recorder.output.counters.badHeartbeats == 3)
    }

    @Test func `the local clock stands in after five seconds, from the broker's last time on`() {
        var script = Script()
        script.pass(100)
        #expect(script.take() == ["blind since 0"])
        script = Script()
        script.subscribeAll()
        _ = script.take()
        for _ in 0..<4 { script.pass(1); script.say("PROBE") }
        #expect(script.take() == [])
        script.pass(1)
        script.pass(1)
        #expect(script.take() == ["blind since 498", "clock @505.0 local", "clock @506.0 local"])
        // The connection spoke meanwhile: what the feed did not send does not come.
        script.say("U,1,1,1600000506")
        #expect(script.take() == ["blind 498 to 506", "clock @506.0"])
    }

    @Test func `where the heartbeat is refused the local clock stands in between the ticks`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "REQERR,1,21,Invalid group", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.clock += 100
        script.say("EOS,2,1", "EOS,3,1", "U,2,1,1.1|1.2|1600000600000")
        _ = script.take()
        for _ in 0..<4 { script.pass(1); script.say("PROBE") }
        script.say("U,2,1,1.2|1.3|1600000604000")
        script.pass(1)
        script.pass(1)
        #expect(script.take() == ["EUR_USD 1.2 1.3 @604.0 0", "clock @605.0 local", "clock @606.0 local"])
    }

    @Test func `a connection that says nothing is blind before any stand-in clock`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.pass(5)
        #expect(script.take() == ["blind since 498", "clock @505.0 local"])
        script.say("PROBE")
        #expect(script.take() == [])
        // The delayed updates come first; only then nothing is missing.
        script.say("U,2,1,1.1|1.2|1600000501000", "U,1,1,1600000506")
        #expect(script.take() == ["EUR_USD 1.1 1.2 @501.0 0", "blind 498 to 498", "clock @506.0"])
    }

    @Test func `a wall clock that steps is seen in the receive times alone`() {
        func play(step: Double) -> ([String], [UTCSeconds]) {
            var script = Script()
            script.subscribeAll()
            script.say("U,2,1,1.1|1.2|1600000501000")
            script.wallError = step
            script.say("U,2,1,1.1|1.3|1600000502000", "U,1,1,1600000502")
            for _ in 0..<7 { script.pass(1) }
            script.say("U,2,1,1.2|1.3|1600000509000", "U,1,1,1600000509")
            let times = script.recorder.output.records.map { $0.receiveTime.seconds }
            return (script.take(), times)
        }
        let (steady, times) = play(step: 0)
        #expect(steady.contains("clock @507.0 local"))
        for step in [-3_600.0, 3_600] {
            let (records, stepped) = play(step: step)
            #expect(records == steady)
            #expect(stepped.last == times.last! + Int64(step) && stepped.first == times.first)
        }
    }

    @Test func `a recovered session was never blind`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.session.transportClosed(script.transport!, reason: "test", now: script.now, into: &script.recorder)
        #expect(script.take() == ["blind since 498"])
        script.pass(1)
        script.connect()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "PROG,7", "U,2,1,1.1|1.2|1600000501000", "U,1,1,1600000503")
        script.pass(1)
        #expect(
            script.take() == [
                "EUR_USD 1.1 1.2 @501.0 2", "clock @503.0", "session recovered",
            ])
        script.say("U,1,1,1600000504")
        #expect(script.take() == ["blind 498 to 498", "clock @504.0"])
    }

    @Test func `a replaced session leaves a hole from its last time to the first one of the new session`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.say("END,48,Session duration")
        #expect(script.take() == ["blind since 498"])
        script.pass(1)
        script.connect()
        script.clock += 19
        script.say("WSOK", "CONOK,S2,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000520", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.say("EOS,2,1", "EOS,3,1")
        #expect(script.take() == ["clock @520.0", "session replaced", "blind 498 to 520"])
    }

    @Test func `a cut before all is subscribed does not end the blindness of the start`() {
        var script = Script(lastFeedTime: 1_600_000_100)
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500")
        script.session.transportClosed(script.transport!, reason: "test", now: script.now, into: &script.recorder)
        script.pass(1)
        script.connect()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "PROG,2", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.say("EOS,2,1", "EOS,3,1")
        script.pass(1)
        let records = script.take()
        #expect(records.first == "blind since 98" && records.contains("blind 98 to 500"), "\(records)")
        #expect(!records.contains("blind 98 to 98"), "\(records)")
    }

    @Test func `rebinding and lost updates are recorded`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        _ = script.take()
        script.say("OV,2,1,7", "LOOP,0")
        _ = script.session.takeActions()
        script.say("CONOK,S1,50000,5000,*", "U,1,1,1600000501")
        #expect(script.take() == ["updates lost", "session preserved", "clock @501.0"])
        #expect(script.recorder.output.counters.lostUpdates == 7)
    }

    @Test func `an orderly stop says since when nothing is known`() {
        var script = Script()
        script.subscribeAll()
        _ = script.take()
        script.recorder.end(now: Make.nanos(1))
        #expect(script.take() == ["blind since 498"])
    }

    @Test func `a lost update that may have been the only one of its interval leaves a hole of its pair`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        for second in 0..<70 { script.clock += 1; script.say("U,1,1,\(1_600_000_501 + second)") }
        _ = script.take()
        script.say("OV,2,1,7")
        #expect(script.take() == ["updates lost", "blind since 501", "blind 501 to 572"])
    }

    @Test func `a pair whose subscription ends is blind by itself until its new snapshot`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000", "U,1,1,1600000504")
        _ = script.take()
        script.clock += 4
        script.say("UNSUB,2")
        #expect(script.take() == ["subscription ended", "blind since 502"])
        #expect(script.recorder.blindPairs == [Pair("EURUSD")!] && script.recorder.sight == .seeing)
        script.session.askAgain(now: script.now)
        _ = script.session.takeActions()
        script.clock += 2
        script.say("U,1,1,1600000507", "SUBOK,4,1,3", "U,4,1,1.1|1.3|1600000506000", "EOS,4,1")
        #expect(script.take() == ["clock @507.0", "EUR_USD 1.1 1.3 @506.0 1", "blind 502 to 507"])
    }

    @Test func `a refused pair stays blind when the session begins to see`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "EOS,2,1")
        script.say("REQERR,3,-1,Invalid account type")
        #expect(
            script.take() == [
                "blind since 0", "clock @500.0", "instrument refused", "blind since 0", "session new", "blind 0 to 500",
            ])
        #expect(script.recorder.blindPairs == [Pair("USDJPY")!])
    }

    @Test func `a limited pair is blind until the limit ends`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        _ = script.take()
        script.say(
            "CONF,2,0.1,filtered", "CONF,2,0.1,filtered", "U,2,1,1.1|1.3|1600000502000", "CONF,2,unlimited,filtered")
        #expect(
            script.take() == [
                "updates limited", "blind since 499", "EUR_USD 1.1 1.3 @502.0 0", "updates limited", "blind 499 to 504",
            ])
    }

    @Test func `a subscription whose successor brings a newer tick was frozen`() {
        var script = Script()
        script.subscribeAll()
        script.say("U,2,1,1.1|1.2|1600000501000")
        for second in 1...95 { script.clock += 1; script.say("U,1,1,\(1_600_000_500 + second)") }
        _ = script.take()
        script.session.renew(1, now: script.now)
        script.session.renew(2, now: script.now)
        script.say("SUBOK,4,1,3", "U,4,1,1.1|1.3|1600000550000", "EOS,4,1", "SUBOK,5,1,3", "EOS,5,1")
        #expect(
            script.take() == [
                "subscription frozen", "blind since 501", "EUR_USD 1.1 1.3 @550.0 1", "blind 501 to 595",
            ])
    }

    @Test func `a beginning in 2099 is not believed`() {
        var script = Script()
        script.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,4085000000", "SUBOK,2,1,3", "SUBOK,3,1,3")
        script.say("U,2,1,1.1|1.2|4085000000000", "EOS,2,1", "EOS,3,1")
        #expect(script.take() == ["blind since 0", "session new"])
        script.clock += 1
        script.say("U,1,1,1600000501")
        // How new the pair's last tick was is not known.
        #expect(script.take() == ["blind 0 to 503", "clock @501.0"])
    }

    @Test func `a pair that leaves the configuration is blind until it comes back`() {
        let (euro, yen) = (Pair("EUR_USD")!, Pair("USD_JPY")!)
        let told = Make.nanos(1_600_000_000)
        func begun(_ pairs: [Pair], _ past: FeedPast) -> [TickEnvelope] {
            let instruments = pairs.map { Instrument(pair: $0, epic: "CS.D.\($0).CFD.IP") }
            var recorder = FeedRecorder(instruments: instruments, past: past)
            recorder.begin(now: told, monotonic: 1_000)
            return recorder.output.records.filter { $0.pair == yen }
        }
        let left = begun([euro], FeedPast(time: told, formerPairs: [euro, yen]))
        let since = UTCNanos(rawValue: told.rawValue - FeedEvent.orderMargin)
        #expect(left.map(\.feedEvent) == [.blindBegan(since: since)])
        // Every later start says it again, and so does the one with which it comes back.
        let past = FeedPast(time: told, blindPairs: [yen: since], formerPairs: [euro])
        #expect(begun([euro], past).map(\.feedEvent) == [.blindBegan(since: since)])
        #expect(begun([euro, yen], past).map(\.feedEvent) == [.blindBegan(since: since)])
        // A newly configured pair was not blind.
        #expect(begun([euro, yen], FeedPast(time: told, formerPairs: [euro])).isEmpty)
    }

    @Test func `a journal that ends in 2099 is set back by right times`() {
        var script = Script(lastFeedTime: 4_085_000_000)
        script.subscribeAll()
        let events = script.recorder.output.records.compactMap(\.feedEvent)
        #expect(
            events.contains { if case .clockSetBack(_, let to) = $0 { to.seconds == 1_600_000_500 } else { false } })
        #expect(script.take().contains("clock @500.0") && script.recorder.sight == .seeing)
    }
}
