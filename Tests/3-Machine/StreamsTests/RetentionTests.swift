import Foundation
import Glibc
import Host
import MarketData
@testable import Streams
import Testing
import TestKit
import Wire

@Suite struct RetentionTests {
    private static let day: Int64 = 86_400_000_000_000

    /// Segments of 10 positions and 1 MiB; the newest is `ages[last]` days old.
    private func closed(ages: [Int64]) -> [Retention.Closed] {
        ages.enumerated().map { index, age in
            Retention.Closed(
                lastPosition: UInt64(index + 1) * 10, bytes: 1 << 20, newestTime: 100 * Self.day - age * Self.day)
        }
    }

    private func decide(
        days: Int = 0, megabytes: Int = 0, ages: [Int64] = [9, 8, 6, 1], taken: [UInt64] = []
    ) -> Retention.Decision {
        var settings = JournalSettings()
        settings.retentionDays = days
        settings.retentionMegabytes = megabytes
        let consumers = taken.enumerated().map { ConsumerMark.Taken(consumer: "c\($0)", position: $1) }
        return Retention(settings).decide(closed(ages: ages), openBytes: 100, now: 100 * Self.day, consumers: consumers)
    }

    @Test func `what is older than the days goes, oldest first, and stops at the first that is not`() {
        #expect(decide(days: 7).dropped == 2)
        #expect(decide(days: 7, ages: [9, 1, 9]).dropped == 1)
        #expect(decide(days: 100).dropped == 0)
    }

    @Test func `without limits everything stays`() { #expect(decide(ages: [9_999]).dropped == 0) }

    @Test func `age never drops what a consumer has not taken, and names it`() {
        #expect(decide(days: 7, taken: [20, 15]) == Retention.Decision(dropped: 1, bereft: [], awaited: ["c1"]))
        #expect(decide(days: 7, taken: [20, 20]) == Retention.Decision(dropped: 2, bereft: [], awaited: []))
    }

    @Test func `size drops also what was not taken, and names who loses it`() {
        #expect(decide(megabytes: 2, taken: [10]) == Retention.Decision(dropped: 3, bereft: ["c0"], awaited: []))
        #expect(decide(megabytes: 5).dropped == 0)
    }
}

/// Retention on a journal's files.
@Suite struct DroppingTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/ticks" }

    private func writer(days: Int) throws -> JournalWriter {
        var settings = JournalSettings()
        settings.syncMilliseconds = 1
        settings.retentionDays = days
        return try JournalWriter(folder: path, recordSize: 64, settings: settings, logger: quietLogger())
    }

    private func put(_ writer: JournalWriter, days: ClosedRange<Int>) throws {
        for day in days {
            writer.append(Make.clock(Double(day) * 86_400))
            try writer.flush()
        }
    }

    private var segments: [String] { folderNames(path).filter { $0.hasSuffix(".journal") } }

    @Test func `a journal that rolls faster than it syncs keeps few files open`() throws {
        var settings = JournalSettings()
        (settings.syncMilliseconds, settings.retentionDays) = (60_000, 0)
        let writer = try JournalWriter(folder: path, recordSize: 64, settings: settings, logger: quietLogger())
        try put(writer, days: 0...400)
        let open = folderNames("/proc/self/fd").count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
            return target?.hasPrefix(path) == true
        }
        #expect(segments.count > 190 && open < 50, "\(segments.count) segments, \(open) files")
        try writer.close()
    }

    @Test func `repair drops nothing by age`() throws {
        do {
            let writer = try writer(days: 0)
            try put(writer, days: 0...20)
            try writer.close()
        }
        let before = segments
        #expect(before.count > 8)
        let settings = JournalSettings()
        #expect(settings.retentionDays == 7)
        _ = try JournalCheck.repair(folder: path, recordSize: 64, settings: settings, logger: quietLogger())
        #expect(segments == before)
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `repair leaves another user's journal alone`() throws {
        try writer(days: 0).close()
        #expect(chown(path, 4_242, gid_t.max) == 0)
        let failure = #expect(throws: Failure.self) {
            try JournalCheck.repair(
                folder: path, recordSize: 64, settings: JournalSettings(), logger: quietLogger())
        }
        #expect(failure?.code == .notPermitted && failure?.description.contains("user 4242") == true)
    }

    @Test func `a segment spans at most a day of the stream's time`() throws {
        let writer = try writer(days: 0)
        try put(writer, days: 1...5)
        // Each segment is closed by the record that is a day later than its first.
        #expect(segments.count == 3)
        #expect(try readPositions(path) == [1, 2, 3, 4, 5])
    }

    @Test func `old segments go while the writer works, and readers go on`() async throws {
        let writer = try writer(days: 7)
        try put(writer, days: 1...4)
        let reader = try JournalReader(folder: path, recordSize: 64)
        var seen: [UInt64] = []
        #expect(try reader.read(TickEnvelope.self) { seen.append($0.position) } > 0)
        try put(writer, days: 5...30)
        try await eventually("the old ones are gone") { segments.count <= 5 }
        while try reader.read(TickEnvelope.self, { seen.append($0.position) }) > 0 {}
        #expect(seen.last == 30 && seen == seen.sorted())
        #expect(reader.missingPositions + UInt64(seen.count) == 30)
        let kept = try readPositions(path, from: nil)
        #expect(kept.first.map { $0 > 15 } == true && kept.last == 30)
    }

    @Test func `a wrong time in the stream drops nothing, and right times drop by age again`() async throws {
        var settings = JournalSettings()
        (settings.syncMilliseconds, settings.retentionDays) = (1, 7)
        let host = Clock(now: { UTCNanos(seconds: 432_000) }, monotonic: Clock.system.monotonic)
        do {
            let writer = try JournalWriter(
                folder: path, recordSize: 64, settings: settings, logger: quietLogger(), clock: host)
            try put(writer, days: 1...4)
            // In 2099, and a day after it, so that segments are closed.
            try put(writer, days: 47_200...47_204)
            try writer.close()
        }
        #expect(try readPositions(path, from: nil) == Array(1...9))
        #expect(Retention.now(stream: 100, host: 0) == 100)
        #expect(Retention.now(stream: .max, host: 0) == Self.day && Retention.now(stream: -5, host: 0) == -5)
    }

    private static let day: Int64 = 86_400_000_000_000

    @Test func `a consumer that has taken little holds the journal back until it has taken more`() async throws {
        let mark = ConsumerMark(folder: path, consumer: .aggregator)
        try mark.note(5)
        #expect(folderNames(path).isEmpty)
        do {
            let writer = try writer(days: 7)
            try mark.note(5)
            try put(writer, days: 1...30)
            try writer.close()
        }
        // The first two segments are taken.
        #expect(try readPositions(path, from: nil).first == 5)
        try mark.note(30)
        let again = try self.writer(days: 7)
        try put(again, days: 31...33)
        try again.close()
        #expect(try readPositions(path, from: nil).first.map { $0 > 20 } == true)
    }
}

@Suite struct JournalCheckTests {
    let folder = TemporaryFolder()
    var path: String { folder.path + "/ticks" }
    private var segments: [String] { folderNames(path).filter { $0.hasSuffix(".journal") }.map { "\(path)/\($0)" } }

    private func repair() throws -> [String] {
        try JournalCheck.repair(
            folder: path, recordSize: 64, settings: JournalSettings(), logger: quietLogger())
    }

    @Test func `a sound journal is sound, also while it is written`() throws {
        do {
            let writer = try openWriter(path)
            try writer.appendTicks(2_000)
            let check = try JournalCheck(folder: path, recordSize: 64)
            #expect(check.segments.map(\.records) == [1_024, 976] && !check.isDamaged)
            let failure = #expect(throws: Failure.self) { try repair() }
            #expect(failure?.code == .temporary && failure?.description.contains(" holds /") == true)
            try writer.close()
        }
        #expect(try repair() == [])
    }

    @Test func `damage is found where it is, and repair leaves nothing that a reader could miss`() throws {
        try openWriter(path).appendTicks(2_000)
        var first = fileBytes(segments[0])
        first[3] ^= 1
        first[64 + 100 * 64 + 9] ^= 1
        TemporaryFolder.overwrite(segments[0], first)
        TemporaryFolder.overwrite(segments[1], fileBytes(segments[1]) + [UInt8](repeating: 7, count: 100))
        let check = try JournalCheck(folder: path, recordSize: 64)
        #expect(check.isDamaged && check.segments.map(\.isHeaderDamaged) == [true, false])
        #expect(check.segments.map(\.damagedRecords) == [1, 0] && check.segments.map(\.tailBytes) == [0, 100])
        #expect(try repair().count == 3)
        let after = try JournalCheck(folder: path, recordSize: 64)
        #expect(after.segments.map(\.isHeaderDamaged) == [false, false, false] && after.segments[1].tailBytes == 0)
        #expect(after.segments.map(\.jump) == [0, 0, 1 << 32])
        #expect(try readPositions(path) == (1...2_000).filter { $0 != 101 })
        // The damaged record stays in its place: it cannot be restored.
        #expect(after.isDamaged)
        #expect(try repair() == [])
    }
}
