import Archive
import Host
import Logging
import MarketData
import Recording
import Streams
import Testing
import TestKit
import Wire

private let silent = quietLogger()

@Suite struct ReplayTests {
    let folder = TemporaryFolder()
    private var source: Paths { get throws { try Paths(state: folder.path + "/source") } }
    private var recording: Paths { get throws { try Paths(state: folder.path + "/recording") } }
    private var target: Paths {
        get throws { try Paths(runtime: folder.path + "/run", state: folder.path + "/target") }
    }

    /// A journal of the ticks stream with a hole in its positions.
    private func write() throws {
        let journal = try JournalWriter(
            folder: try source.journal(.ticks), recordSize: TickEnvelope.byteCount, settings: .init(), logger: silent)
        func put(_ position: UInt64, _ record: TickEnvelope) throws {
            var record = record
            record.seal(position: position)
            try withUnsafeBytes(of: record) { try journal.append(sealed: $0) }
        }
        let zero = UTCNanos(rawValue: 0)
        try put(11, Make.feed(.blindBegan(since: zero)))
        try put(12, Make.feed(.blindEnded(from: zero, until: UTCNanos(seconds: 1_000)), at: 1_000))
        for second in 0..<50 { try put(UInt64(13 + second), Make.tick(1_000 + Double(second), "1.1", "1.2")) }
        for second in 0..<50 { try put(UInt64(500 + second), Make.tick(2_000 + Double(second), "1.3", "1.4")) }
        try put(550, Make.clock(2_100))
        try journal.close()
    }

    private func records(_ paths: Paths) throws -> [TickEnvelope] {
        let reader = try JournalReader(folder: paths.journal(.ticks), recordSize: TickEnvelope.byteCount, from: nil)
        var records: [TickEnvelope] = []
        while try reader.read(TickEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }

    private func record(from start: TapStart, since: Double? = nil, until: Double? = nil) throws -> Int {
        let recorder = try Recorder<TickEnvelope>(
            .ticks, paths: source, from: start, since: since.map(Make.nanos), until: until.map(Make.nanos),
            into: recording,
            logger: silent)
        while !recorder.isOver, try recorder.poll(milliseconds: 0, stop: -1) > 0 {}
        try recorder.close()
        return recorder.count
    }

    @Test func `a recording is the same bytes, holes in the positions too`() throws {
        try write()
        #expect(try record(from: .oldest) == 103)
        #expect(try records(recording).map(\.bytes) == records(source).map(\.bytes))
        // A second one into the same folder is refused, and leaves the first as it is.
        let failure = #expect(throws: Failure.self) { try record(from: .oldest) }
        #expect(failure?.code == .usage)
        #expect(try records(recording).count == 103)
    }

    @Test func `a recording may be a stretch of time or begin at a position`() throws {
        try write()
        #expect(try record(from: .oldest, since: 1_010, until: 2_010) == 50)
        #expect(try records(recording).map(\.position) == Array(23...62) + Array(500...509))
    }

    @Test func `a replay publishes the same bytes into a journal of its own`() throws {
        try write()
        #expect(try record(from: .position(20)) == 94)
        let stop = try StopSignal()
        let replay = try Replay(
            recording, streams: [], times: 1, pace: .asFastAsTaken, into: target, stop: stop, clock: .system,
            logger: silent)
        try replay.run(until: stop)
        #expect(replay.published == 94)
        #expect(try records(target).map(\.bytes) == records(source).dropFirst(9).map(\.bytes))
        let failure = #expect(throws: Failure.self) {
            try Replay(
                recording, streams: [], times: 1, pace: .asFastAsTaken, into: target, stop: stop, clock: .system,
                logger: silent)
        }
        #expect(failure?.code == .usage)
    }

    @Test func `each further round goes on behind the one before, whole days later`() throws {
        try write()
        let stop = try StopSignal()
        let replay = try Replay(
            source, streams: [], times: 3, pace: .asFastAsTaken, into: target, stop: stop, clock: .system,
            logger: silent)
        try replay.run(until: stop)
        let (first, all) = (try records(source), try records(target))
        #expect(all.count == 3 * first.count)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.position < $1.position })
        for round in 0..<3 {
            let part = all[(round * first.count)..<((round + 1) * first.count)]
            let shift = Int64(round) * 86_400 * UTCNanos.perSecond
            for (record, original) in zip(part, first).dropFirst(2) {
                #expect(record.brokerTime.rawValue - original.brokerTime.rawValue == shift)
                #expect((record.kind, record.pair, record.bid) == (original.kind, original.pair, original.bid))
                #expect(record.position - part[part.startIndex].position == original.position - first[0].position)
            }
        }
        // The blindness of a later round begins at the end of the one before, not at the beginning of time.
        let end = UTCNanos(seconds: 2_100)
        #expect(all[first.count].feedEvent == .blindBegan(since: end))
        #expect(all[first.count + 1].feedEvent == .blindEnded(from: end, until: UTCNanos(seconds: 1_000 + 86_400)))
    }

    @Test func `rounds beyond the year 2200 are refused, a stream named twice is played once`() throws {
        try write()
        let stop = try StopSignal()
        func replay(times: Int) throws -> Replay {
            try Replay(
                source, streams: [.ticks, .ticks], times: times, pace: .asFastAsTaken,
                into: Paths(runtime: folder.path + "/run-\(times)", state: folder.path + "/target-\(times)"),
                stop: stop,
                clock: .system, logger: silent)
        }
        let once = try replay(times: 1)
        try once.run(until: stop)
        #expect(once.published == 103)
        let failure = #expect(throws: Failure.self) {
            try replay(times: 1_000_000).run(until: stop)
        }
        #expect(failure?.code == .usage)
    }

    @Test func `what is not there is refused with a sentence`() throws {
        let stop = try StopSignal()
        func replay(_ streams: [Stream], times: Int = 1) throws {
            _ = try Replay(
                source, streams: streams, times: times, pace: .asFastAsTaken, into: target, stop: stop, clock: .system,
                logger: silent)
        }
        #expect(throws: Failure.self) { try replay([]) }
        try write()
        let absent = #expect(throws: Failure.self) { try replay([.history]) }
        #expect(absent?.code == .missingInput)
        let twice = #expect(throws: Failure.self) { try replay([.ticks, .history], times: 2) }
        #expect(twice != nil)
    }

    // MARK: Archive

    /// A journal of several days of which most is in the archive.
    /// - Returns: its records.
    private func writeArchived() throws -> [TickEnvelope] {
        var settings = JournalSettings()
        (settings.retentionDays, settings.segmentRecords) = (0, 10)
        let writer = try JournalWriter(
            folder: try source.journal(.ticks), recordSize: TickEnvelope.byteCount, settings: settings, logger: silent)
        for number in 0..<95 {
            if writer.needsFlush { try writer.flush() }
            writer.append(Make.tick(Double(number) * 7_200, "1.1", "1.2"))
        }
        try writer.close()
        let all = try records(source)
        _ = try Archiver.run(source)
        TemporaryFolder.dropClosedSegments(of: try source.journal(.ticks))
        #expect(try records(source).count == 5)
        return all
    }

    @Test func `a recording of what is archived is the same bytes`() throws {
        let all = try writeArchived()
        #expect(try record(from: .oldest) == 95)
        #expect(try records(recording).map(\.bytes) == all.map(\.bytes))
    }

    @Test func `a recording of an archived stretch of time reads no older batch`() throws {
        let all = try writeArchived()
        let old = try ArchiveManifest(.ticks, source).batches[0].files[0].path
        TemporaryFolder.overwrite("\(try source.archive)/\(old)", [1])
        #expect(try record(from: .oldest, since: 50 * 7_200, until: 60 * 7_200) == 10)
        #expect(try records(recording).map(\.bytes) == all[50..<60].map(\.bytes))
    }

    @Test func `a replay plays archive and journal`() throws {
        let all = try writeArchived()
        let stop = try StopSignal()
        let replay = try Replay(
            source, streams: [], times: 2, pace: .asFastAsTaken, into: target, stop: stop, clock: .system,
            logger: silent)
        try replay.run(until: stop)
        #expect(replay.published == 190)
        #expect(try records(target).prefix(95).map(\.bytes) == all.map(\.bytes))
        #expect(try records(target).map(\.position) == Array(1...190))
    }
}
