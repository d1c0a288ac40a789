import Candles
import Host
import MarketData
import Settings
import Streams
import Testing
import TestKit
import Wire

@Suite(.serialized, .timeLimit(.minutes(10)))
struct ExactnessTests {
    @Test(arguments: Configuration.Closing.allCases)
    func `an hour and a half around payrolls leaves exactly the reference candles`(
        closing: Configuration.Closing
    ) async throws {
        let folder = Golden.folder + "/payrolls"
        let reference = try ["5", "15"].map { referenceRows(try textOf("\(folder)/EUR_USD_\($0)m.csv")) }
        let pipeline = try await play(
            ["EUR_USD": "\(folder)/EUR_USD.csv.gz", "NZD_USD": "\(folder)/NZD_USD.csv.gz"], closing)
        try await expect(pipeline, reference, ticks: 16_320 + 9_088)
        try replayEqualsLive(pipeline, closing)
    }

    /// One name is the beginning of the other.
    @Test func `instruments of any name and hours leave the same candles`() async throws {
        let folder = Golden.folder + "/payrolls"
        let reference = referenceRows(try textOf("\(folder)/EUR_USD_5m.csv"))
        let pipeline = Pipeline()
        pipeline.configure(
            """
            instruments:
              - {pair: DE40, epic: CS.D.DE40.CFD.IP, hours: cme}
              - {pair: DE40X, epic: CS.D.DE40X.CFD.IP, hours: {zone: Europe/London, sessions: ["Mon-Fri 08:00-16:30"]}}
              - {pair: ETH_BTC, epic: CS.D.ETHBTC.CFD.IP, hours: always}

            """)
        let files = ["DE40": "EUR_USD", "DE40X": "NZD_USD", "ETH_BTC": "NZD_USD"]
        let ticks = files.flatMap { ["--ticks", "\($0)=\(folder)/\($1).csv.gz"] }
        try await pipeline.startAll(simulator: ticks + ["--speed", "max", "--exit-when-done"])
        try await eventually("all candles are stored", within: .seconds(240)) {
            try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 300") == 16_320 + 2 * 9_088
        }
        let stored = try pipeline.storedRows("DE40", "5")
        #expect(stored.count == reference.count)
        let different = zip(stored, reference).first { $0 != $1 }
        #expect(different == nil, "first difference (stored, reference)")
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
    }

    @Test(.enabled(if: sharedData != nil), arguments: Configuration.Closing.allCases)
    func `nine days of real ticks leave exactly the reference candles`(closing: Configuration.Closing) async throws {
        let data = try #require(sharedData)
        let reference = try ["5", "15"].map {
            referenceRows(try textOf("\(data)/reference-candles/oanda_EURUSD_20140501_20140509__\($0)m.csv.gz"))
        }
        let pipeline = try await play(
            [
                "EUR_USD": "\(data)/ticks/oanda_EURUSD_20140501_20140509.csv.gz",
                "NZD_USD": "\(data)/ticks/oanda_NZDUSD_20140501_20140509.csv.gz",
            ], closing)
        try await expect(pipeline, reference, ticks: 595_827)
        try replayEqualsLive(pipeline, closing)
    }

    @Test(.enabled(if: sharedData != nil))
    func `a raw feed with the ask below the bid goes through without an error`() async throws {
        let data = try #require(sharedData)
        let pipeline = try await play(["EUR_USD": "\(data)/ticks/fxcm_EURUSD_20140501_20140509.csv.gz"], .nextTick)
        try await eventually("all ticks are in candles", within: .seconds(240)) {
            try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 300") == 675_401
        }
        #expect(try pipeline.count("SELECT SUM(inverted_ticks) FROM candle WHERE timeframe = 300") == 69_354)
        #expect(try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 900") == 675_401)
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
        #expect(!pipeline.logs.contains(" error "), "\(pipeline.logs)")
    }

    /// Plays tick files at full speed through the real processes.
    private func play(_ files: [String: String], _ closing: Configuration.Closing) async throws -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure(
            """
            instruments: [\(files.keys.sorted().joined(separator: ", "))]
            closing: \(closing.rawValue)
            # More than a week is played.
            journal: {retention_days: 0}

            """)
        let ticks = files.sorted { $0.key < $1.key }.flatMap { ["--ticks", "\($0.key)=\($0.value)"] }
        try await pipeline.startAll(simulator: ticks + ["--speed", "max", "--exit-when-done"])
        return pipeline
    }

    private func expect(_ pipeline: Pipeline, _ reference: [[String]], ticks: Int) async throws {
        try await eventually("all candles are stored", within: .seconds(240)) {
            try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 900") == ticks
                && pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 300") == ticks
        }
        for (index, timeframe) in ["5", "15"].enumerated() {
            let stored = try pipeline.storedRows("EUR_USD", timeframe)
            #expect(stored.count == reference[index].count)
            let different = zip(stored, reference[index]).first { $0 != $1 }
            #expect(different == nil, "first difference (stored, reference)")
        }
        let complete = try pipeline.count("SELECT COUNT(*) FROM candles WHERE pair = 'EUR_USD'")
        #expect(complete == reference[0].count + reference[1].count)
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
    }

    /// Folds the tick journal again and compares with the candle journal, byte for byte but for publish time.
    private func replayEqualsLive(_ pipeline: Pipeline, _ closing: Configuration.Closing) throws {
        var options = CandleBuilder.Options()
        options.closesByNextTick = closing == .nextTick
        var builder = CandleBuilder(options: options)
        let ticks = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        while try ticks.read(TickEnvelope.self, { builder.fold($0) }) > 0 {}
        var live: [CandleEnvelope] = []
        let candles = try JournalReader(
            folder: pipeline.state + "/journal/candles", recordSize: CandleEnvelope.byteCount)
        while try candles.read(CandleEnvelope.self, { live.append($0) }) > 0 {}
        #expect(live.count == builder.output.count && !live.isEmpty)
        for (folded, lived) in zip(builder.output, live) {
            var folded = folded
            folded.publishTime = lived.publishTime
            folded.seal(position: lived.position)
            if folded.bytes != lived.bytes {
                Issue.record("candle at position \(lived.position) differs: \(folded) \(lived)")
                return
            }
        }
    }
}
