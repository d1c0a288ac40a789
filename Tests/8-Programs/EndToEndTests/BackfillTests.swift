import Foundation
import GRDB
import Testing
import TestKit

/// History bought of the simulator, with its real allowance, by the real program.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct BackfillTests {
    @Test func `a fresh store has 200 candles of each for 9352 points, and then there is nothing to buy`() async throws
    {
        let pipeline = try await Shop.open(Shop.busy)
        let run = try await pipeline.backfill("run")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("Bought 9,352 candles"), "\(run.output.suffix(400))")
        try pipeline.expectFullDepth()
        #expect(try pipeline.paid() == 9_352)
        #expect(try pipeline.count("SELECT MIN(remaining) FROM quota_ledger") == 648)
        let again = try await pipeline.backfill("run")
        #expect(again.code == 0 && again.output.contains("Nothing to buy"), "\(again.output) \(again.errors)")
        let quota = try await pipeline.backfill("quota")
        #expect(quota.output.contains("648 of 10,000 points left") && quota.output.contains("9,352 points paid"))
        try pipeline.expectDerivedEqualsItsParts()
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `the classic batches cost 9200 and 2000, and the second does not fit into the same week`() async throws {
        let pipeline = try await Shop.open(Shop.busy)
        let first = try await pipeline.backfill("batch", "1")
        #expect(first.code == 0 && first.output.contains("Bought 9,200 candles"), "\(first.output.suffix(400))")
        let second = try await pipeline.backfill("batch", "2")
        #expect(second.code == 75 && second.errors.contains("costs 2,000 points"), "\(second.errors)")
        #expect(try pipeline.paid() == 9_200)
        let third = try await pipeline.backfill("batch", "3")
        #expect(third.code == 64 && third.errors.contains("the batches are 1 to 2"))
        try await pipeline.expectAllEndInOrder()

        let rich = try await Shop.open(Shop.busy + ["--allowance", "20000"])
        for number in ["1", "2"] { #expect(try await rich.backfill("batch", number).code == 0) }
        #expect(try rich.paid() == 11_200)
        #expect(try rich.count("SELECT COUNT(*) FROM candles WHERE source = 'bought'") == 11_200)
        try await rich.expectAllEndInOrder()
    }

    @Test func `killed fifty times it buys the same, and nothing twice but what was in flight`() async throws {
        let undisturbed = try await Shop.open()
        #expect(try await undisturbed.backfill("run").code == 0)
        // Wasted payments must not end the run.
        let killed = try await Shop.open(["--allowance", "20000"], spacing: 80)
        let seed = UInt64.random(in: 0...1_000_000)
        var random = SplitMix(seed: seed)
        for kill in 1...50 {
            let program = try killed.launch("ingest-backfill", ["run"])
            _ = try await program.ready()
            // Half of the kills come before or with the first request of the process, half behind it.
            let size = killed.historySize
            if kill % 2 == 0 {
                try await eventually("it asks", within: .seconds(20)) {
                    killed.historySize > size || !program.isRunning
                }
            }
            let moment = ContinuousClock.now + .milliseconds(Int.random(in: 0...60, using: &random))
            while ContinuousClock.now < moment { await Task.yield() }
            program.kill()
            _ = try await program.ended(within: .seconds(5))
        }
        let requestsBefore = try killed.count("SELECT COUNT(*) FROM quota_ledger")
        #expect(requestsBefore >= 20, "seed \(seed): the kills came too early")
        let last = try await killed.backfill("run")
        #expect(last.code == 0, "seed \(seed): \(last.output) \(last.errors)")
        #expect(try killed.candles() == undisturbed.candles(), "seed \(seed)")
        let answered = try killed.paid()
        let inFlight = try killed.count("SELECT TOTAL(points) FROM quota_ledger WHERE outcome = 'in flight'")
        let requests = try killed.count("SELECT COUNT(*) FROM quota_ledger WHERE outcome = 'in flight'")
        let spent = 20_000 - (try killed.count("SELECT remaining FROM quota_ledger ORDER BY position DESC LIMIT 1"))
        let price = try undisturbed.paid()
        #expect((price...(answered + inFlight)).contains(spent) && answered <= price, "seed \(seed)")
        let quota = try await killed.backfill("quota")
        #expect(
            requests == 0 || quota.output.contains("\(requests) request\(requests == 1 ? "" : "s") in flight"),
            "\(quota.output)")
        let told = "seed \(seed): \(spent) points, \(requests) requests of \(inFlight) points in flight"
        #expect(requests < 50, "\(told)")
        try await undisturbed.expectAllEndInOrder()
        try await killed.expectAllEndInOrder()
    }

    @Test func `bought before aggregator and store-writer run, it comes into the database with them`() async throws {
        let pipeline = try await Shop.open(stages: false, instruments: "EUR_USD, USD_JPY")
        let run = try await pipeline.backfill("run")
        #expect(run.code == 0 && run.output.contains("in the journal"), "\(run.output) \(run.errors)")
        // Known without a database, too.
        let again = try await pipeline.backfill("run")
        #expect(
            again.code == 0 && again.output.contains("Nothing to buy: 132 candles derived from smaller ones"),
            "\(again)")
        #expect(again.output.contains("are in the journal"))
        try await pipeline.start("aggregator")
        try await pipeline.start("store-writer")
        try await eventually("all of it is stored", within: .seconds(30)) {
            try pipeline.count("SELECT COUNT(*) FROM candles") == 2 * 400
        }
        try await pipeline.expectAllEndInOrder()
    }

    /// The account's clock changed at the weekend between: in London, in New York, and not at all.
    @Test(arguments: [
        ("london", "2026-03-29T22:40:00"), ("new-york", "2026-03-08T23:20:00"), ("london", "2026-10-25T23:59:00"),
        ("utc", "2026-03-29T22:40:00"), ("london", "2026-03-29T10:00:00"), ("new-york", "2026-03-08T15:00:00"),
    ])
    func `over a change of the account's clock at most one point is lost`(clock: String, moment: String) async throws {
        let pipeline = try await Shop.open(
            Shop.busy + ["--account-clock", clock], start: moment, instruments: "EUR_USD, USD_JPY")
        let run = try await pipeline.backfill("run")
        #expect(run.code == 0, "\(run.output) \(run.errors)")
        try pipeline.expectFullDepth(pairs: 2, surplus: 1)
        let derived = try pipeline.count("SELECT COUNT(*) FROM candles WHERE source = 'derived'")
        #expect(try (800 - derived...801 - derived).contains(pipeline.paid()))
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `points spent: it ends with what was bought, and says when to try again`() async throws {
        let pipeline = try await Shop.open(["--allowance", "700"], instruments: "EUR_USD, USD_JPY, GBP_USD")
        // The configuration expects 10,000; the broker's first word corrects it.
        let run = try await pipeline.backfill("run")
        #expect(run.code == 75, "\(run.output) \(run.errors)")
        #expect(
            run.output.contains("Resume with: ingest-backfill run") && run.output.contains("from "), "\(run.output)")
        #expect(try pipeline.paid() == 200, "the reserve of 500 is left alone")
        #expect(try pipeline.count("SELECT COUNT(DISTINCT pair) FROM candles") == 3, "every pair alike")
        let asked = try pipeline.count("SELECT COUNT(*) FROM quota_ledger")
        let again = try await pipeline.backfill("run")
        #expect(again.code == 75 && again.errors.contains("nothing can be bought now"), "\(again.errors)")
        #expect(try pipeline.count("SELECT COUNT(*) FROM quota_ledger") == asked, "it asked though it knew")
        let rest = try await pipeline.backfill("run", "--spend-reserve")
        #expect(rest.code == 75)
        #expect(try pipeline.paid() == 700)
        try await pipeline.expectAllEndInOrder()
    }

    /// Another program of the account spent the points meanwhile.
    @Test func `a refusal for spent points ends it at once`() async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD")
        try pipeline.fault("refuse-prices=9:403:error.public-api.exceeded-account-historical-data-allowance")
        let run = try await pipeline.backfill("run")
        #expect(run.code == 75 && run.output.contains("points are spent"), "\(run.output) \(run.errors)")
        #expect(try pipeline.count("SELECT COUNT(*) FROM quota_ledger") == 1)
        let again = try await pipeline.backfill("run")
        #expect(again.code == 75 && again.errors.contains("a run an hour later asks the broker again"), "\(again)")
        try await pipeline.expectAllEndInOrder()
    }

    @Test(arguments: [
        "stale-logins=1", "refuse-prices=1:401:error.security.client-token-invalid", "lose-prices=1",
        "refuse-prices=2:503:system.error",
    ])
    func `what a second try mends is mended`(fault: String) async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD")
        try pipeline.fault(fault)
        let run = try await pipeline.backfill("run")
        #expect(run.code == 0, "\(fault): \(run.output) \(run.errors)")
        try pipeline.expectFullDepth(pairs: 1)
        #expect(try pipeline.paid() == 334)
        try await pipeline.expectAllEndInOrder()
    }

    @Test(arguments: [
        ("stale-logins=9", 69, "refuses the tokens of a new login"),
        ("refuse-prices=9:403:error.security.account-suspended", 78, "account-suspended"),
        ("refuse-prices=2:404:error.error.price-history.io-error", 69, "price-history.io-error"),
    ])
    func `what trying again cannot mend ends with a clear sentence`(fault: String, code: Int32, words: String)
        async throws
    {
        let pipeline = try await Shop.open(instruments: "EUR_USD, USD_JPY")
        try pipeline.fault(fault)
        let run = try await pipeline.backfill("run")
        #expect(run.code == code && (run.output + run.errors).contains(words), "\(fault): \(run.output) \(run.errors)")
        try pipeline.fault("clear")
        #expect(try await pipeline.backfill("run").code == 0)
        try pipeline.expectFullDepth(pairs: 2)
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `too many requests in a minute: it rests, and a stop ends that at once`() async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD")
        try pipeline.fault("refuse-prices=1:403:error.public-api.exceeded-account-allowance")
        let program = try pipeline.launch("ingest-backfill", ["run"])
        try await eventually("it rests; \(program.standardError)") { program.standardOutput.contains("waiting 1 min") }
        program.terminate()
        #expect(try await program.ended(within: .seconds(5)) == 75)
        #expect(try await pipeline.backfill("quota").output.contains("1 request on record, 0 points paid"))
        try await pipeline.expectAllEndInOrder()
    }

    /// An hour whose second five minutes have ticks of one side only.
    @Test func `a candle without a side is not used, nor made into a larger one: that is bought`() async throws {
        let played = Pipeline(logLevel: "notice")
        let rows = (0..<3_600).map { second in
            let bid = (300..<600).contains(second) ? "" : "1.1000"
            return "\(SteadyFeed.start + second)000000000,\(bid),1.1001\n"
        }
        let path = played.folder.write(("timestamp_utc_ns,bid,ask\n" + rows.joined()).utf8, to: "ticks.csv")
        played.configure("instruments: [EUR_USD]\nstream: {login_spacing_seconds: 0}\n")
        try await played.startAll(simulator: ["--ticks", "EUR_USD=\(path)", "--speed", "max"])
        try await eventually("the hour is played; \(played.logs)", within: .seconds(30)) {
            try played.count("SELECT COUNT(*) FROM candle WHERE open_time = \(SteadyFeed.start + 3_300)") == 1
        }
        let fresh = try await Shop.beside(played, instruments: "EUR_USD", depth: 12)
        let first = try await fresh.backfill("run")
        #expect(first.code == 0 && first.output.contains("Bought 11 candles"), "\(first)")
        #expect(try fresh.count("SELECT COUNT(*) FROM candles WHERE source = 'derived'") == 3)
        #expect(try fresh.count("SELECT SUM(unusable) FROM empty_interval") == 1)
        let second = try await fresh.backfill("run")
        #expect(second.code == 0 && second.output.contains("Bought 1 candle "), "\(second)")
        let bought = try fresh.rows("SELECT timestamp FROM candles WHERE source = 'bought' AND timeframe = '15'")
        #expect(bought.map { $0[0] as Int } == [SteadyFeed.start])
        #expect(try await fresh.backfill("run").output.contains("Nothing to buy"))
        try await fresh.expectAllEndInOrder()
        try await played.expectAllEndInOrder()
    }

    @Test func `where no candle of a reply can be used, it ends before more is paid`() async throws {
        let played = Pipeline(logLevel: "notice")
        func file(_ name: String, bid: String) -> String {
            let rows = (0..<3_600).map { "\(SteadyFeed.start + $0)000000000,\(bid),1.1001\n" }
            return played.folder.write(("timestamp_utc_ns,bid,ask\n" + rows.joined()).utf8, to: name)
        }
        played.configure("instruments: [EUR_USD, NZD_USD]\nstream: {login_spacing_seconds: 0}\n")
        let ticks = [file("a.csv", bid: "1.1"), file("b.csv", bid: "")]
        try await played.startAll(
            simulator: ["--ticks", "EUR_USD=\(ticks[0])", "--ticks", "NZD_USD=\(ticks[1])", "--speed", "max"])
        try await eventually("the hour is played; \(played.logs)", within: .seconds(30)) {
            // The pair without bids has candles too, partial ones.
            try played.count("SELECT COUNT(*) FROM candle WHERE open_time = \(SteadyFeed.start + 3_300)") == 2
        }
        let fresh = try await Shop.beside(played, instruments: "NZD_USD, EUR_USD", depth: 12)
        let run = try await fresh.backfill("run")
        #expect(run.code == 69 && run.errors.contains("candles can be used: a price is missing"), "\(run)")
        // The first candle, the larger one that it cannot be a part of, and the reply that shows it.
        #expect(try fresh.count("SELECT TOTAL(paid) FROM quota_ledger WHERE pair = 'NZD_USD'") == 13)
        try await fresh.expectAllEndInOrder()
        try await played.expectAllEndInOrder()
    }

    @Test func `a mistyped state folder is not made, and named`() async throws {
        let pipeline = try await Shop.open(stages: false, instruments: "EUR_USD")
        for command in ["plan", "quota"] {
            let result = try await pipeline.result(
                "ingest-backfill", [command], with: ["CANDLEWICK_STATE_DIR": pipeline.folder.path + "/typo"])
            #expect(result.code == 0 && result.output.hasPrefix("State folder \(pipeline.folder.path)/typo\n"))
        }
        #expect(!folderNames(pipeline.folder.path).contains("typo"))
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `a database that is ahead of the journal is refused, and nothing bought`() async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD")
        #expect(try await pipeline.backfill("run").code == 0)
        try await pipeline.expectAllEndInOrder()
        for name in ["history", "history.highest"] {
            try FileManager.default.removeItem(atPath: "\(pipeline.state)/journal/\(name)")
        }
        let run = try await pipeline.backfill("run")
        #expect(run.code == 75 && run.errors.contains("put the journal back"), "\(run)")
    }

    /// On a terminal of `script`, which passes on what is typed.
    @Test func `the menu shows each cost, buys what is agreed to, and refuses what does not fit`() async throws {
        let pipeline = try await Shop.open(["--allowance", "700"], instruments: "EUR_USD, USD_JPY, GBP_USD")
        let command = "stty -echo; exec \(RunningProgram.folder)/ingest-backfill"
        let typed = ["9", "1", "n", "1", "y", "2", "5", "4", "6"].map { "\($0)\n" }.joined()
        let menu = try RunningProgram(
            "/usr/bin/script", ["-qec", command, "/dev/null"], environment: pipeline.variables, input: typed)
        #expect(try await menu.ended(within: .seconds(60)) == 0, "\(menu.standardOutput)")
        try await eventually("its output is read", within: .seconds(5)) { menu.isRead }
        let lines = menu.standardOutput.split(whereSeparator: \.isNewline).map(String.init)
        func has(_ text: String) -> Bool { lines.contains { $0.contains(text) } }
        #expect(has("'9' is not a number from 1 to 6.") && has("1  The one-week plan                 1,002 points"))
        #expect(has("Spend at most 1,002 points? [y/N]") && has("Nothing was bought.") && has("[###"))
        #expect(has("Bought 200 candles") && has("Still wanted: ") && has("Resume with: ingest-backfill run"))
        #expect(has("refused   batch 1 costs ") && has(" points, but 0 may be spent now"), "\(menu.standardOutput)")
        #expect(has("500 of 700 points left, 500 of them the reserve"))
        #expect(has("5m    3 pairs, "))
        #expect(try pipeline.paid() == 200)
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `one buys at a time, and bad arguments end with a sentence`() async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD", spacing: 5_000)
        let first = try pipeline.launch("ingest-backfill", ["run"])
        _ = try await first.ready()
        let second = try await pipeline.backfill("run")
        #expect(second.code == 75 && second.errors.contains("\(first.processID)"), "\(second.errors)")
        for arguments in [
            ["batch"], ["batch", "0"], ["plan", "--timeframes", "7m"], ["plan", "--depth", "0"], [], ["buy"],
        ] {
            let result = try await pipeline.result("ingest-backfill", arguments)
            #expect(result.code == 64 && result.errors.contains("Error: "), "\(arguments): \(result)")
        }
        first.terminate()
        #expect(try await first.ended(within: .seconds(5)) == 75)
        let missing = try await pipeline.result("ingest-backfill", ["run"], with: ["IG_PASSWORD": nil])
        #expect(missing.code == 78 && missing.errors.contains("IG_PASSWORD is not set"))
        try await pipeline.expectAllEndInOrder()
    }

    /// Twenty market minutes without a stream, then repair: as if nothing had been, but for what bought candles cannot say.
    @Test func `a repaired hole equals an undisturbed stream, for the fewest points`() async throws {
        let market = ["--speed", "150", "--rate", "0.5"]
        let undisturbed = try await Shop.open(market, instruments: "EUR_USD, USD_JPY")
        let cut = try await Shop.open(market, instruments: "EUR_USD, USD_JPY")
        try await undisturbed.start("ingest-stream")
        try await cut.start("ingest-stream")
        try await eventually("complete candles before the cut", within: .seconds(60)) {
            try cut.count("SELECT COUNT(*) FROM candles WHERE timeframe = '15'") >= 2
        }
        cut.programs["ingest-stream"]?.kill()
        let back = ContinuousClock.now + .seconds(8)
        try await eventually("twenty minutes pass") { ContinuousClock.now >= back }
        try await cut.start("ingest-stream")
        let sinceCut = "timestamp > (SELECT MAX(timestamp) FROM candles_full WHERE partial = 1 AND timeframe = '15')"
        for pipeline in [cut, undisturbed] {
            let sql =
                "SELECT COUNT(*) FROM candles WHERE timeframe = '15' AND \(pipeline === cut ? sinceCut : "timestamp > 0")"
            let wanted = pipeline === cut ? 2 : 12
            try await eventually("complete candles after it", within: .seconds(60)) {
                try pipeline.count(sql) >= wanted
            }
        }
        let needed = try cut.incompleteIntervals(minutes: 5)
        #expect(needed >= 2 * 4)
        let repair = try await cut.backfill("repair")
        #expect(repair.code == 0, "\(repair.output) \(repair.errors)")
        #expect(try cut.paid() == needed)
        #expect(try cut.incompleteIntervals(minutes: 5) == 0 && cut.incompleteIntervals(minutes: 15) == 0)
        try expectSameCandles(cut, undisturbed)
        #expect(try await cut.backfill("repair").output.contains("Nothing to buy"))
        try await undisturbed.expectAllEndInOrder()
        try await cut.expectAllEndInOrder()
    }

    private func expectSameCandles(_ cut: Pipeline, _ undisturbed: Pipeline) throws {
        let sides = ["bid", "ask"].flatMap { side in ["open", "high", "low", "close"].map { "\(side)_\($0)" } }
        let streamed = ["mid_open", "mid_high", "mid_low", "mid_close", "tick_count"]
        func rows(_ pipeline: Pipeline, _ columns: [String], _ condition: String) throws -> [String: String] {
            let columns = (["pair", "timeframe", "timestamp"] + columns).joined(separator: ", ")
            return Dictionary(
                uniqueKeysWithValues: try pipeline.rows(
                    "SELECT \(columns) FROM candles_full WHERE \(condition)"
                ).map { row in
                    let values = Array(row.databaseValues).map(\.description)
                    return (values[..<3].joined(separator: " "), values[3...].joined(separator: " "))
                })
        }
        let facts = sides + ["complete", "partial", "blind_ms", "lost", "revision"]
        for (columns, condition) in [(facts, "1"), (facts + streamed, "source = 'streamed'")] {
            let expected = try rows(undisturbed, columns, "complete = 1 AND \(condition)")
            let repaired = try rows(cut, columns, condition)
            let common = Set(expected.keys).intersection(repaired.keys)
            #expect(common.count >= 20)
            for key in common { #expect(repaired[key] == expected[key], "\(key)") }
        }
        let bought = try cut.count("SELECT COUNT(*) FROM candles WHERE source = 'bought'")
        let derived = try cut.count("SELECT COUNT(*) FROM candles WHERE source = 'derived'")
        #expect(bought > 0 && derived > 0)
    }
}

/// A simulator with history, and the stages behind it.
enum Shop {
    /// So many ticks that no interval is without one, also at night.
    static let busy = ["--rate", "2"]

    static func open(
        _ arguments: [String] = [], start: String = "2026-05-12T08:00:00", stages: Bool = true,
        instruments: String? = nil, spacing: Int = 0
    ) async throws -> Pipeline {
        let pipeline = Pipeline(logLevel: "notice")
        let list = instruments.map { "instruments: [\($0)]\n" } ?? ""
        pipeline.configure(
            """
            \(list)stream: {login_spacing_seconds: 0}
            history: {request_spacing_milliseconds: \(spacing), request_burst: 1}

            """)
        let limits = ["--account-per-minute", "unlimited", "--key-per-minute", "unlimited"]
        let rate = arguments.contains("--rate") ? [] : ["--rate", "0.3"]
        try await pipeline.start("ig-simulator", ["--port", "0", "--start", start] + rate + limits + arguments)
        guard stages else { return pipeline }
        try await pipeline.start("store-writer")
        try await pipeline.start("aggregator")
        return pipeline
    }
}

extension Shop {
    /// Another store, of the same simulator.
    static func beside(_ played: Pipeline, instruments: String, depth: Int) async throws -> Pipeline {
        let pipeline = Pipeline(logLevel: "notice")
        pipeline.variables["IG_REST_URL"] = played.variables["IG_REST_URL"]
        pipeline.configure(
            """
            instruments: [\(instruments)]
            stream: {login_spacing_seconds: 0}
            history: {request_spacing_milliseconds: 0, depth: \(depth)}

            """)
        try await pipeline.start("store-writer")
        try await pipeline.start("aggregator")
        return pipeline
    }
}

extension Pipeline {
    func backfill(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
        try await result("ingest-backfill", arguments, within: .seconds(180))
    }

    /// Bytes of the history journal.
    var historySize: Int {
        folderNames(state + "/journal/history").reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: state + "/journal/history/" + name)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }

    /// The cost of the answered requests.
    func paid() throws -> Int { try count("SELECT TOTAL(paid) FROM quota_ledger") }

    /// - Parameter surplus: candles that came of questions for other times.
    func expectFullDepth(pairs: Int = 28, surplus: Int = 0) throws {
        let rows = try rows("SELECT pair, timeframe, COUNT(*) FROM candles GROUP BY 1, 2")
        #expect(rows.count == 2 * pairs)
        for row in rows { #expect((200...(200 + surplus)).contains(row[2]), "\(row)") }
    }

    /// Every candle, without its time of arrival.
    func candles() throws -> [String] {
        try rows("SELECT * FROM candle ORDER BY instrument_id, timeframe, open_time").map { row in
            row.filter { !["created_at", "publish_time", "input_position"].contains($0.0) }
                .map { "\($0)=\($1)" }.joined(separator: " ")
        }
    }

    /// Intervals of the trading week between the first and the last candle that have no complete one.
    func incompleteIntervals(minutes: Int) throws -> Int {
        try rows(
            "SELECT pair, MIN(timestamp), MAX(timestamp) FROM candles_full WHERE timeframe = '\(minutes)' GROUP BY pair"
        ).reduce(0) { sum, row in
            let complete = try count(
                """
                SELECT COUNT(*) FROM candles
                WHERE pair = '\(row[0] as String)' AND timeframe = '\(minutes)' AND timestamp <= \(row[2] as Int)
                """)
            return sum + ((row[2] as Int) - (row[1] as Int)) / (minutes * 60) + 1 - complete
        }
    }

    /// Each derived candle of 15m from its three of 5m, by SQL.
    func expectDerivedEqualsItsParts() throws {
        let wrong = try count(
            """
            SELECT COUNT(*) FROM candles_full c WHERE source = 'derived' AND (
                bid_high <> (SELECT MAX(bid_high) FROM candles_full p WHERE p.pair = c.pair AND p.timeframe = '5'
                    AND p.timestamp BETWEEN c.timestamp AND c.timestamp + 899)
                OR tick_count <> (SELECT SUM(tick_count) FROM candles_full p WHERE p.pair = c.pair AND p.timeframe = '5'
                    AND p.timestamp BETWEEN c.timestamp AND c.timestamp + 899)
                OR ask_open <> (SELECT ask_open FROM candles_full p WHERE p.pair = c.pair AND p.timeframe = '5'
                    AND p.timestamp = c.timestamp)
                OR mid_close <> (SELECT mid_close FROM candles_full p WHERE p.pair = c.pair AND p.timeframe = '5'
                    AND p.timestamp = c.timestamp + 600))
            """)
        #expect(wrong == 0)
        #expect(try count("SELECT COUNT(*) FROM candles WHERE source = 'derived'") == 28 * 66)
    }

    func expectAllEndInOrder() async throws {
        let codes = try await stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(logs)")
    }
}
