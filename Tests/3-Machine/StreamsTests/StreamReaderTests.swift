import Host
import Logging
import MarketData
import Streams
import Testing
import TestKit
import Wire

@Suite struct MergeTests {
    @Test func `each position is taken once and in order`() {
        var merge = Merge(next: 8)
        #expect(merge.admit(8) == .accept)
        #expect(merge.admit(8) == .duplicate && merge.admit(1) == .duplicate)
        #expect(merge.admit(12) == .gap(missing: 9..<12))
        #expect(merge.admit(9) == .accept && merge.next == 10)
        merge.replayed(upTo: 12)
        #expect(merge.admit(11) == .duplicate && merge.admit(12) == .accept)
    }
}

/// A stream in a fresh folder, and a reader of it.
private struct Stream {
    let folder = TemporaryFolder()
    let context: BusContext
    let paths: Paths

    init() throws {
        context = try BusContext()
        paths = try Paths(
            environment: Environment(["CANDLEWICK_RUNTIME_DIR": folder.path, "CANDLEWICK_STATE_DIR": folder.path]))
    }

    func writer() throws -> StreamWriter {
        var settings = JournalSettings()
        settings.segmentRecords = 1_024
        return try StreamWriter(
            stream: .ticks, paths: paths, settings: settings, bus: try SocketBus(paths),
            logger: quietLogger())
    }

    func reader(from position: UInt64 = 1) throws -> StreamReader {
        try StreamReader(
            stream: .ticks, paths: paths, from: position, consumer: .aggregator, bus: try SocketBus(paths),
            logger: quietLogger())
    }
}

extension StreamWriter {
    fileprivate func put(_ count: Int) throws {
        for _ in 0..<count { try append(Make.tick(1, "1.1", "1.2")) }
        try commit()
    }
}

extension StreamReader {
    fileprivate func take(_ seen: inout [UInt64]) throws {
        _ = try poll(TickEnvelope.self, milliseconds: 10, stop: -1) { seen.append($0.position) }
    }
}

@Suite struct StreamReaderTests {
    @Test func `the end of a journal is as old as what the broker sent, whatever clock was predicted`() throws {
        let stream = try Stream()
        let writer = try stream.writer()
        let clocks = [Make.clock(600.5, flags: .predicted), Make.clock(605, flags: .localClock)]
        for record in [Make.clock(599), Make.tick(600.2, "1.1", "1.2")] + clocks { _ = try writer.append(record) }
        try writer.commit()
        let folder = stream.paths.journal(.ticks)
        #expect(try FeedTail.newestTime(folder: folder) == Make.nanos(600.2))
        #expect(try FeedTail.newestHeartbeat(folder: folder)?.brokerTime == Make.nanos(599))
    }

    @Test func `the end of a segment is not that of the journal`() throws {
        let stream = try Stream()
        let writer = try stream.writer()
        try writer.put(3_000)
        let reader = try stream.reader()
        var seen: [UInt64] = []
        while !reader.isLive { try reader.take(&seen) }
        #expect(seen == Array(1...3_000))
    }

    @Test func `replay goes over into live without a seam`() async throws {
        let stream = try Stream()
        let writer = try stream.writer()
        try writer.put(3_000)
        let reader = try stream.reader(from: 11)
        var seen: [UInt64] = []
        for _ in 0..<200 {
            try reader.take(&seen)
            try writer.put(7)
        }
        try await eventually("all came") {
            try reader.take(&seen)
            return reader.nextPosition > writer.lastPosition
        }
        #expect(seen == Array(11...writer.lastPosition))
        #expect(reader.counters.live > 0 && reader.counters.replayed >= 2_990 && reader.counters.missing == 0)
    }

    @Test func `what the bus drops for a slow subscriber comes out of the journal`() async throws {
        let stream = try Stream()
        let writer = try stream.writer()
        let reader = try stream.reader()
        var seen: [UInt64] = []
        // Connected and live before the flood.
        try await eventually("live") {
            try writer.put(1)
            try reader.take(&seen)
            return reader.counters.live > 0
        }
        for _ in 0..<300 { try writer.put(1_000) }
        // libzmq lets messages in again once half of its queue is read.
        for _ in 0..<20 { try reader.take(&seen) }
        try writer.put(1)
        try await eventually("a gap was met") {
            try reader.take(&seen)
            try writer.put(1)
            return reader.counters.gaps > 0
        }
        try await eventually("all came") {
            try reader.take(&seen)
            return reader.nextPosition > writer.lastPosition
        }
        #expect(seen == Array(1...writer.lastPosition))
    }

    @Test func `a last message that the bus lost is found while the stream is silent`() async throws {
        let stream = try Stream()
        let reader = try stream.reader()
        let journal = try JournalWriter(
            folder: stream.paths.journal(.ticks), recordSize: 64, settings: JournalSettings(),
            logger: quietLogger())
        var seen: [UInt64] = []
        try reader.take(&seen)
        try reader.take(&seen)
        #expect(reader.isLive)
        journal.append(Make.tick(1, "1.1", "1.2"))
        try journal.flush()
        try await eventually("the record came") {
            try reader.take(&seen)
            return seen == [1]
        }
    }

    @Test func `a message that is no record is counted and harms nothing`() async throws {
        let stream = try Stream()
        let publisher = try Publisher(context: stream.context, endpoint: try stream.paths.endpoint(.ticks))
        let reader = try stream.reader()
        var seen: [UInt64] = []
        try await eventually("damage was met") {
            var bad = Make.tick(1, "1.1", "1.2")
            bad.seal(position: 1)
            bad.checksum ^= 1
            bad.bytes.withUnsafeBytes { publisher.send($0) }
            Array("short".utf8).withUnsafeBytes { publisher.send($0) }
            try reader.take(&seen)
            return reader.counters.damaged > 2
        }
        #expect(seen.isEmpty)
    }

    @Test func `a second publisher on the path is refused, and the error names the first`() throws {
        let stream = try Stream()
        let writer = try stream.writer()
        let failure = #expect(throws: Failure.self) {
            try Publisher(context: stream.context, endpoint: try stream.paths.endpoint(.ticks))
        }
        #expect(failure?.code == .temporary)
        try writer.close()
    }
}

extension StreamReaderTests {
    @Test func `a published position that the journal lacks ends the reader with a sentence`() async throws {
        let stream = try Stream()
        let publisher = try Publisher(context: stream.context, endpoint: try stream.paths.endpoint(.ticks))
        let reader = try stream.reader()
        let failure = await #expect(throws: Failure.self) {
            try await eventually("the hole was met") {
                var record = Make.tick(1, "1.1", "1.2")
                record.seal(position: 5)
                record.bytes.withUnsafeBytes { publisher.send($0) }
                var seen: [UInt64] = []
                try reader.take(&seen)
                return false
            }
        }
        #expect(failure?.code == .badData && failure?.description.contains("position 5") == true)
    }
}
