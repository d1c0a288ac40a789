import CPlatform
import MarketData
import Testing
import TestKit
import Wire

@Suite struct RecordTests {
    @Test func `a tick is the 64 bytes of the format`() {
        var tick = Make.tick(1_398_902_400.292, "1.38676", "1.38686", flags: [.snapshot, .inverted])
        tick.seal(position: 7)
        #expect(TickEnvelope.byteCount == 64)
        let bytes = tick.bytes
        #expect(Array(bytes[0..<4]) == Array("TICK".utf8))
        #expect(Array(bytes[4..<16]) == Make.eurUSD.bytes)
        #expect(bytes[16] == 7 && bytes[56] == 33)
        #expect(bytes == Golden.bytes("wire/tick-v1.bin", actual: bytes))
    }

    @Test func `the topic of one pair is the beginning of its records alone`() {
        var tick = Make.tick(1_398_902_400, "1.1", "1.2")
        tick.seal(position: 1)
        #expect(Array(RecordKind.tick.topic(of: Make.eurUSD).utf8) == Array(tick.bytes[..<16]))
        #expect(RecordKind.candle.topic(of: nil) == "CNDL")
        // `DE40` alone is the beginning of `DE40X`.
        let (short, long) = (RecordKind.forming.topic(of: Pair("DE40")), RecordKind.forming.topic(of: Pair("DE40X")))
        #expect(!long.hasPrefix(short) && short.utf8.count == 16 && long.utf8.count == 16)
    }

    @Test func `clock and feed records are the 64 bytes of the format`() {
        var clock = Make.clock(1_398_902_400, flags: .localClock)
        clock.seal(position: 8)
        var feed = Make.feed(.blindEnded(from: UTCNanos(seconds: 5), until: UTCNanos(seconds: 9)), at: 9)
        feed.seal(position: 9)
        let bytes = clock.bytes + feed.bytes
        #expect(bytes == Golden.bytes("wire/clock-feed-v1.bin", actual: bytes))
    }

    @Test func `a clock that the broker did not send is no heartbeat`() {
        var predicted = Make.clock(1_398_902_400, flags: .predicted)
        predicted.seal(position: 8)
        #expect(predicted.bytes[56..<60] == [128, 0, 0, 0] && predicted.flags.names == ["predicted"])
        #expect(predicted.heartbeat == nil && Make.clock(1, flags: .localClock).heartbeat == nil)
        #expect(Make.clock(1).heartbeat != nil)
    }

    @Test func `a candle is the 192 bytes of the format`() {
        var candle = Make.candle(1_398_902_400, price: "1.38676", revision: 3, flags: [.partial, .late])
        candle.bid = OHLC(open: Price("1")!, high: Price("2")!, low: Price("3")!, close: Price("4")!)
        candle.ask = OHLC(open: Price("5")!, high: Price("6")!, low: Price("7")!, close: Price("8")!)
        candle.firstTickTime = Make.nanos(1_398_902_401)
        candle.lastTickTime = Make.nanos(1_398_902_699)
        (candle.blindMilliseconds, candle.lostUpdates, candle.invertedTicks) = (11, 12, 13)
        (candle.inputPosition, candle.publishTime) = (99, Make.nanos(1_398_902_703))
        candle.seal(position: 10)
        #expect(CandleEnvelope.byteCount == 192)
        #expect(candle.bytes == Golden.bytes("wire/candle-v1.bin", actual: candle.bytes))
        #expect(candle.timeframe == .fiveMinutes && candle.pair == Make.eurUSD)
    }

    @Test func `every flipped bit, and every other length, is refused`() {
        var tick = Make.tick(1, "1.1", "1.2")
        tick.seal(position: 1)
        let good = tick.bytes
        #expect(good.withUnsafeBytes { TickEnvelope(bytes: $0) } != nil)
        for bit in 0..<(good.count * 8) {
            var bad = good
            bad[bit / 8] ^= 1 << (bit % 8)
            #expect(bad.withUnsafeBytes { TickEnvelope(bytes: $0) } == nil)
        }
        for count in 0..<64 { #expect(good[..<count].withUnsafeBytes { TickEnvelope(bytes: $0) } == nil) }
        #expect((good + [0]).withUnsafeBytes { TickEnvelope(bytes: $0) } == nil)
    }

    @Test(arguments: [
        FeedEvent.sessionNew, .sessionPreserved, .sessionRecovered(resent: 4), .sessionReplaced, .updatesLost(count: 9),
        .blindBegan(since: UTCNanos(seconds: 3)), .blindEnded(from: UTCNanos(seconds: 3), until: UTCNanos(seconds: 4)),
        .instrumentRefused(code: -1), .positionsSkipped(first: 5, count: .max),
        .clockSetBack(from: UTCNanos(rawValue: 8), to: UTCNanos(rawValue: 3)), .subscriptionEnded,
        .updatesLimited(milliHertz: 100), .subscriptionFrozen,
    ])
    func `a feed event survives both streams`(event: FeedEvent) {
        let record = Make.feed(event, at: 5)
        #expect(record.feedEvent == event)
        #expect(CandleEnvelope.feed(record).feedEvent == event)
    }

    @Test func `an event of a later version is kept as it is`() {
        let event = FeedEvent(code: 14, details: (5, 6))
        #expect(event == .unknown(code: 14, first: 5, second: 6) && event.name == "event 14")
        #expect(CandleEnvelope.feed(Make.feed(event)).feedEvent == event)
    }
}

@Suite struct ChecksumTests {
    /// Source: RFC 3720 § B.4.
    @Test func `the checksum is that of iSCSI`() {
        let vectors: [([UInt8], UInt32)] = [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
        ]
        for (bytes, expected) in vectors {
            #expect(bytes.withUnsafeBytes { checksum(of: $0) } == expected)
            #expect(bytes.withUnsafeBytes { candlewick_crc32c_portable(0, $0.baseAddress, $0.count) } == expected)
        }
    }

    @Test func `the checksum of parts is that of the whole`() {
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for cut in 0...bytes.count {
            var sum = RunningChecksum()
            for part in [bytes[..<cut], bytes[cut...]] { part.withUnsafeBytes { sum.add($0) } }
            #expect(sum.value == bytes.withUnsafeBytes { checksum(of: $0) })
        }
    }

    @Test func `both ways to compute it agree on every length`() {
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for count in 0...bytes.count {
            bytes[..<count].withUnsafeBytes {
                #expect(
                    candlewick_crc32c(0, $0.baseAddress, count)
                        == candlewick_crc32c_portable(0, $0.baseAddress, count))
            }
        }
    }
}
