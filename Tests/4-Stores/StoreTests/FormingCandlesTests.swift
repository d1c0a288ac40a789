import CandleReader
import Host
import MarketData
import Store
import Streams
import Testing
import TestKit
import Wire

/// The candles that form, of several collectors.
@Suite struct FormingCandlesTests {
    private let folder = TemporaryFolder()
    private let series = Series(Make.eurUSD, .fiveMinutes)
    private let eu = Collector("eu")!

    private func publisher(_ collector: Collector) throws -> Publisher {
        let paths = try paths().of(collector)
        try paths.prepare()
        try makeFolder(paths.journal(.candles))
        return try Publisher(context: try BusContext(), endpoint: try paths.endpoint(.forming), showsState: true)
    }

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    /// A candle of an interval by its place, and the tick that ends its group.
    private func send(_ publisher: Publisher, _ place: Int64, ticks: UInt32, price: String, position: UInt64 = 0) {
        var candle = Make.candle(UTCSeconds(rawValue: 1_778_572_800) + place * 300, price: price).asForming
        candle.tickCount = ticks
        var envelope = candle.envelope
        envelope.seal(position: position)
        withUnsafeBytes(of: envelope) { publisher.send($0) }
        var tick = Make.tick(Double(1_778_572_800 + place * 300 + Int64(ticks)), price, price)
        tick.seal(position: 0)
        withUnsafeBytes(of: tick) { publisher.send($0) }
    }

    /// Sends it until it has come.
    private func expect(
        _ forming: FormingCandles, _ text: String, _ send: () -> Void
    ) async throws {
        try await eventually(text) {
            send()
            forming.take()
            guard let candle = forming.candles[series] else { return text == "-" }
            return "\(candle.collector?.name ?? "") \(candle.tickCount)" == text
        }
    }

    @Test func `of two collectors the later interval is seen, then more ticks, then the first name`() async throws {
        let (main, other) = (try publisher(.main), try publisher(eu))
        let forming = try FormingCandles(paths: try paths())
        try await expect(forming, "main 5") { send(main, 0, ticks: 5, price: "1.1") }
        try await expect(forming, "eu 6") { send(other, 0, ticks: 6, price: "1.2") }
        try await expect(forming, "main 7") { send(main, 0, ticks: 7, price: "1.1") }
        try await expect(forming, "eu 7") { send(other, 0, ticks: 7, price: "1.2") }
        try await expect(forming, "main 1") { send(main, 1, ticks: 1, price: "1.1") }
        // The newest quote of all.
        #expect(forming.quotes[Make.eurUSD]?.bid == Price("1.1"))
    }

    @Test func `a collector that appears later is heard`() async throws {
        let main = try publisher(.main)
        let forming = try FormingCandles(paths: try paths())
        try await expect(forming, "main 5") { send(main, 0, ticks: 5, price: "1.1") }
        let other = try publisher(eu)
        try await expect(forming, "eu 6") { send(other, 0, ticks: 6, price: "1.2") }
    }

    @Test func `what one collector closed is over for all`() async throws {
        let (main, other) = (try publisher(.main), try publisher(eu))
        let forming = try FormingCandles(paths: try paths())
        try await expect(forming, "main 5") { send(main, 0, ticks: 5, price: "1.1") }
        try await expect(forming, "eu 6") { send(other, 0, ticks: 6, price: "1.2") }
        send(main, 0, ticks: 5, price: "1.1", position: 9)
        var closed: [String] = []
        try await eventually("the candle closes") {
            while let update = forming.next(milliseconds: 10) {
                if update.isClosed { closed.append(update.candle.collector?.name ?? "") }
            }
            return !closed.isEmpty
        }
        #expect(forming.candles[series] == nil)
        send(other, 0, ticks: 6, price: "1.2", position: 9)
        send(other, 1, ticks: 1, price: "1.2")
        try await eventually("the next interval begins") {
            while let update = forming.next(milliseconds: 10) {
                if update.isClosed { closed.append(update.candle.collector?.name ?? "") }
            }
            return forming.candles[series] != nil
        }
        #expect(closed == ["main"])
    }
}
