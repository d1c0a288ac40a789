import GRDB
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// After cuts, refusals, kills and moves either nothing is missing, or the loss is recorded.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ContinuityTests {
    @Test func `a refused WebSocket leads to HTTP streaming and to the same candles`() async throws {
        let pipeline = try await Payrolls.play(["--fault", "refuse-websocket", "--speed", "max"])
        try await Payrolls.expectExact(pipeline)
        #expect(pipeline.said("ingest-stream", "WebSocket cannot be opened, trying HTTP streaming"))
        try await pipeline.expectCleanEnd()
    }

    @Test func `a connection cut again and again is recovered and leaves nothing out`() async throws {
        let pipeline = try await Payrolls.play(["--fault", "cut-every=6000", "--speed", "max"])
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.events("session recovered") >= 3)
        #expect(try pipeline.events("session replaced") == 0)
        try await pipeline.expectCleanEnd()
    }

    @Test func `a stream over HTTP that the broker asks to bind anew misses nothing`() async throws {
        let pipeline = try await Payrolls.play(["--fault", "refuse-websocket", "--speed", "1500"])
        for count in 1...2 { try await loop(pipeline, count) }
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.events("session replaced") == 0)
        try await pipeline.expectCleanEnd()
    }

    @Test func `a session that the broker asks to bind anew misses nothing`() async throws {
        let pipeline = try await Payrolls.play(["--speed", "1500"])
        for count in 1...3 { try await loop(pipeline, count) }
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.events("session preserved") >= 3)
        #expect(try pipeline.events("session replaced") == 0)
        try await pipeline.expectCleanEnd()
    }

    /// The clocks of London go from 01:00 to 02:00 UTC forward, and back, at 01:00 UTC of these days.
    @Test(arguments: [1_774_744_200, 1_792_888_200])
    func `a daylight-saving night has every candle, in UTC`(start: Int) async throws {
        let pipeline = Pipeline(extra: ["TZ": "Europe/London"])
        pipeline.configure("instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\n")
        let end = start + 7_200
        let ticks = SteadyFeed.write([start..<end], closings: [], in: pipeline.folder)
        try await pipeline.startAll(simulator: ["--ticks", "EUR_USD=\(ticks)", "--speed", "1500"])
        let times = { try pipeline.rows("SELECT timestamp FROM candles WHERE timeframe = '5'").map { $0[0] as Int } }
        let expected = Array(stride(from: start, to: end, by: 300))
        try await eventually("two hours are stored; \(pipeline.logs)", within: .seconds(30)) {
            try times().count >= expected.count
        }
        #expect(try times() == expected)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE volume <> timeframe * 60") == 0)
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: [4, 20])
    func `a session that cannot be recovered is replaced, and its candles say what is missing`(
        code: Int
    ) async throws {
        let pipeline = try await Payrolls.play(["--fault", "refuse-recovery=\(code)", "--speed", "900"])
        try await Payrolls.begun(pipeline, candles: 6)
        try pipeline.fault("cut")
        try await Payrolls.expectHonest(pipeline)
        #expect(try pipeline.events("session replaced") == 1)
        #expect(pipeline.said("ingest-stream", "Session lost", "error=\"code \(code) "))
        try pipeline.expectBlindnessTold()
        try await pipeline.expectCleanEnd()
    }

    @Test func `an ingest-stream killed in the middle leaves a hole that the candles report`() async throws {
        let pipeline = try await Payrolls.play(["--speed", "900"])
        try await Payrolls.begun(pipeline, candles: 6)
        try await pipeline.killAndRestart("ingest-stream")
        try await Payrolls.expectHonest(pipeline)
        #expect(try pipeline.events("session new") == 2)
        try await pipeline.expectCleanEnd()
    }

    @Test func `an aggregator and a store-writer killed in the middle leave exactly the candles`() async throws {
        let pipeline = try await Payrolls.play(["--speed", "1200"])
        for (candles, name) in [(4, "aggregator"), (8, "store-writer"), (16, "aggregator"), (24, "store-writer")] {
            try await Payrolls.begun(pipeline, candles: candles)
            try await pipeline.killAndRestart(name)
        }
        try await Payrolls.expectExact(pipeline)
        try await pipeline.expectCleanEnd()
        try expectNoCandleTwice(pipeline)
    }

    private func loop(_ pipeline: Pipeline, _ count: Int) async throws {
        try pipeline.fault("loop")
        try await eventually("it is bound anew", within: .seconds(10)) {
            try pipeline.events("session preserved") >= count
        }
    }

    /// Positions without a gap, and no input that gave the same candle twice.
    private func expectNoCandleTwice(_ pipeline: Pipeline) throws {
        var records: [CandleEnvelope] = []
        let journal = try JournalReader(
            folder: pipeline.state + "/journal/candles", recordSize: CandleEnvelope.byteCount)
        while try journal.read(CandleEnvelope.self, { records.append($0) }) > 0 {}
        #expect(records.map(\.position) == Array(1...UInt64(records.count)))
        let candles = records.filter { $0.kind != .feed }
        let inputs = candles.map { "\($0.inputPosition) \($0.pair) \($0.series?.timeframe.seconds ?? 0) \($0.start)" }
        #expect(Set(inputs).count == inputs.count && !inputs.isEmpty)
        let revisions = candles.map { "\($0.pair) \($0.series?.timeframe.seconds ?? 0) \($0.start) \($0.revision)" }
        #expect(Set(revisions).count == revisions.count)
    }
}

/// The recorded hour and a half around payrolls: 16,320 ticks of EUR_USD and 9,088 of NZD_USD, from 12:00.
enum Payrolls {
    static let ticks = 16_320 + 9_088
    private static let folder = Golden.folder + "/payrolls"

    static func play(_ arguments: [String]) async throws -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, NZD_USD]\nstream:\n  login_spacing_seconds: 0\n")
        let files = ["EUR_USD", "NZD_USD"].flatMap { ["--ticks", "\($0)=\(folder)/\($0).csv.gz"] }
        try await pipeline.startAll(simulator: files + arguments)
        return pipeline
    }

    /// Waits until this many candles are stored: the play is under way.
    static func begun(_ pipeline: Pipeline, candles: Int) async throws {
        try await eventually("\(candles) candles are stored; \(pipeline.logs)", within: .seconds(30)) {
            try pipeline.count("SELECT COUNT(*) FROM candle") >= candles
        }
    }

    private static func reference(_ timeframe: String) throws -> [String] {
        referenceRows(try textOf("\(folder)/EUR_USD_\(timeframe)m.csv"))
    }

    /// Every tick in a candle of each timeframe, every candle complete and equal to the reference.
    static func expectExact(_ pipeline: Pipeline) async throws {
        for seconds in [300, 900] {
            let sum = "SELECT SUM(tick_count) FROM candle WHERE timeframe = \(seconds)"
            try await eventually("all ticks are in candles; \(pipeline.logs)", within: .seconds(40)) {
                try pipeline.count(sum) == ticks
            }
        }
        for timeframe in ["5", "15"] {
            #expect(try pipeline.storedRows("EUR_USD", timeframe) == reference(timeframe))
        }
        // A candle that closed while the connection was cut is partial until the recovery's revision comes.
        try await eventually("every candle is complete; \(pipeline.logs)", within: .seconds(40)) {
            try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE partial OR blind_ms > 0 OR lost > 0") == 0
        }
    }

    /// Every candle that no hole touches is exact and complete; every other one is left out of `candles`.
    static func expectHonest(_ pipeline: Pipeline) async throws {
        try await eventually("the last interval is stored; \(pipeline.logs)", within: .seconds(40)) {
            try pipeline.count("SELECT COUNT(*) FROM candle WHERE open_time IN (1399036500, 1399037100)") >= 6
        }
        let holes = try pipeline.rows("SELECT detail, until FROM feed_event WHERE event = 'blind ended'").map {
            ($0[0] as Int)..<($0[1] as Int)
        }
        #expect(holes.contains { $0.lowerBound > 0 && !$0.isEmpty }, "no hole is recorded")
        let complete = try Set(
            pipeline.rows("SELECT timeframe, timestamp FROM candles WHERE pair = 'EUR_USD'").map {
                "\($0[0] as String) \($0[1] as Int)"
            })
        var touched = 0
        for timeframe in ["5", "15"] {
            let stored = try Set(pipeline.storedRows("EUR_USD", timeframe))
            for row in try reference(timeframe) {
                let start = try #require(Int(row.prefix { $0 != "," }))
                let interval = (start * 1_000_000_000)..<((start + Int(timeframe)! * 60) * 1_000_000_000)
                if holes.contains(where: { $0.overlaps(interval) }) {
                    touched += 1
                    #expect(!complete.contains("\(timeframe) \(start)"), "\(timeframe)m at \(start) has a hole")
                } else {
                    #expect(stored.contains(row), "\(timeframe)m at \(start) has no hole and differs")
                    #expect(complete.contains("\(timeframe) \(start)"), "\(timeframe)m at \(start) has no hole")
                }
            }
        }
        #expect(touched >= 2)
        let told = "SELECT COUNT(*) FROM candles_full WHERE pair = 'EUR_USD' AND partial AND blind_ms > 0"
        #expect(try pipeline.count(told) >= 2)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE partial AND blind_ms = 0") == 0)
    }
}

extension Pipeline {
    /// How many events of a name the database holds.
    func events(_ name: String) throws -> Int { try count("SELECT COUNT(*) FROM feed_event WHERE event = '\(name)'") }

    /// The names of all events, in order.
    func history() throws -> [String] {
        try rows("SELECT event FROM feed_event ORDER BY position").map { $0[0] as String }
    }

    /// The events of a first start.
    static let begun = ["blind began", "session new", "blind ended"]

    /// Whether a program has said all of this in one line on standard error.
    func said(_ name: String, _ texts: String...) -> Bool {
        let lines = programs[name]?.standardError.split(separator: "\n") ?? []
        return lines.contains { line in texts.allSatisfy { line.contains($0) } }
    }

    /// Waits until a program has said so.
    func told(_ name: String, _ texts: String...) async throws {
        try await eventually("\(name) says \(texts); \(logs)", within: .seconds(20)) {
            let lines = programs[name]?.standardError.split(separator: "\n") ?? []
            return lines.contains { line in texts.allSatisfy { line.contains($0) } }
        }
    }

    /// The recorded stretches of which nothing is known, ns: sorted, apart from each other.
    func holes() throws -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for row in try rows("SELECT detail, until FROM feed_event WHERE event = 'blind ended' ORDER BY detail") {
            let (from, until) = (row[0] as Int, max(row[0] as Int, row[1] as Int))
            if let last = merged.last, last.upperBound >= from {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, until)
            } else {
                merged.append(from..<until)
            }
        }
        return merged.filter { !$0.isEmpty }
    }

    /// Each candle shows exactly the part of its interval that the recorded holes cover, and is complete only
    /// if they cover none of it and nothing was lost.
    func expectBlindnessTold() throws {
        let holes = try holes()
        let candles = try rows("SELECT pair, timeframe, timestamp, blind_ms, lost, complete FROM candles_full")
        #expect(!candles.isEmpty)
        for row in candles {
            let start = row[2] as Int * 1_000_000_000
            let interval = start..<(start + Int(row[1] as String)! * 60_000_000_000)
            let blind = holes.reduce(0) { $0 + $1.clamped(to: interval).count }
            let name = "\(row[0] as String) \(row[1] as String) at \(row[2] as Int)"
            #expect(row[3] as Int == (blind + 999_999) / 1_000_000, "\(name)")
            #expect(row[5] as Int == (blind == 0 && row[4] as Int == 0 ? 1 : 0), "\(name)")
        }
    }

    func expectCleanEnd() async throws {
        let codes = try await stop()
        #expect(codes.count == 4 && codes.values.allSatisfy { $0 == 0 }, "\(codes) \(logs)")
    }
}
