import Archive
import Foundation
import Host
import Logging
import Recording
import Streams
import Synchronization
import Testing
import TestKit
import Wire

/// A ticks stream that is being written, on a thread of its own, in bursts of ten records.
private final class RunningStream: Sendable {
    let paths: Paths
    let last = Mutex<UInt64>(0)
    private let segmentRecords: Int
    private let pause: DispatchTimeInterval
    private let isOver = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter pause: between two bursts.
    init(
        _ folder: TemporaryFolder, seed: UInt64, segmentRecords: Int = 5_000,
        pause: DispatchTimeInterval = .milliseconds(1)
    ) throws {
        (self.segmentRecords, self.pause) = (segmentRecords, pause)
        paths = try Paths(runtime: folder.path, state: folder.path)
        let thread = Thread { [self] in
            // A failure shows as positions that do not come.
            try? write(seed)
            ended.signal()
        }
        thread.start()
    }

    private func write(_ seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var settings = JournalSettings()
        settings.segmentRecords = segmentRecords
        let writer = try StreamWriter(
            stream: .ticks, paths: paths, settings: settings,
            bus: try SocketBus(paths), logger: silent)
        let pace = DispatchSemaphore(value: 0)
        while !isOver.withLock({ $0 }) {
            for _ in 0..<Int.random(in: 1...20, using: &random) { try writer.append(Make.tick(1, "1.1", "1.2")) }
            try writer.commit()
            last.withLock { $0 = writer.lastPosition }
            _ = pace.wait(timeout: .now() + pause)
        }
        try writer.close()
    }

    func end() {
        isOver.withLock { $0 = true }
        ended.wait()
    }
}

/// Archives closed segments and drops them at once, again and again.
private final class ArchivingThread: Sendable {
    private let state = Mutex<(runs: Int, failure: String?, isOver: Bool)>((0, nil, false))
    private let ended = DispatchSemaphore(value: 0)

    init(_ paths: Paths) {
        Thread { [self] in
            while !state.withLock({ $0.isOver }) {
                do {
                    _ = try Archiver.run(paths)
                    let last = try ArchiveManifest(.ticks, paths).lastPosition
                    TemporaryFolder.dropClosedSegments(of: paths.journal(.ticks), through: last)
                    state.withLock { $0.runs += 1 }
                } catch {
                    state.withLock { ($0.failure, $0.isOver) = ("\(error)", true) }
                }
            }
            ended.signal()
        }.start()
    }

    var runs: Int { state.withLock { $0.runs } }

    /// - Returns: why it failed.
    func end() -> String? {
        state.withLock { $0.isOver = true }
        ended.wait()
        return state.withLock { $0.failure }
    }
}

private let silent = quietLogger()

@Suite(.serialized, .timeLimit(.minutes(5)))
struct TapSeamTests {
    let folder = TemporaryFolder()

    @Test func `a tap from any of 1,000 positions delivers each position once, out of the journal into live`()
        async throws
    {
        let seed = UInt64.random(in: 0...UInt64.max)
        let stream = try RunningStream(folder, seed: seed)
        try await eventually("the stream has a past") { stream.last.withLock { $0 } > 2_000 }
        let flaws = await onThread { TapSeamTests.flaws(stream, seed) }
        stream.end()
        #expect(flaws.isEmpty, "seed \(seed): \(flaws.prefix(3))")
    }

    @Test func `a tap delivers each position once while segments are archived and dropped under it`() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let stream = try RunningStream(folder, seed: seed, segmentRecords: 100, pause: .milliseconds(20))
        try await eventually("the stream has a past", within: .seconds(60)) { stream.last.withLock { $0 } > 1_500 }
        let archiving = ArchivingThread(stream.paths)
        try await eventually("most of it is archived alone", within: .seconds(60)) {
            try JournalTail.oldestPosition(recordSize: 64, folder: stream.paths.journal(.ticks)) ?? 0 > 1_000
        }
        let flaws = await onThread { TapSeamTests.flaws(stream, seed, taps: 20, onlyPast: true) }
        let failure = archiving.end()
        stream.end()
        #expect(flaws.isEmpty, "seed \(seed): \(flaws.prefix(3))")
        #expect(failure == nil && archiving.runs > 3, "\(archiving.runs) runs; \(failure ?? "")")
    }

    /// Taps that missed, repeated or swapped a position, or did not go live.
    /// Taps begin in the last four segments: a whole past that grows meanwhile would cost each tap more than the last.
    /// - Parameter onlyPast: begins with one of the oldest thousand.
    private static func flaws(
        _ stream: RunningStream, _ seed: UInt64, taps: Int = 1_000, onlyPast: Bool = false
    ) -> [String] {
        var random = SplitMix(seed: seed &+ 1)
        return (0..<taps).compactMap { _ in
            let end = stream.last.withLock { $0 }
            // Some begin with a position that is still to come.
            let positions = onlyPast ? 1...1_000 : (end > 20_000 ? end - 20_000 : 1)...(end + 20)
            let start = UInt64.random(in: positions, using: &random)
            do {
                var expected = start
                var wrong: UInt64?
                let tap = try Tap<TickEnvelope>(
                    stream: .ticks, paths: stream.paths, from: .position(start), logger: silent)
                var liveSince: UInt64?
                let deadline = ContinuousClock.now + .seconds(20)
                while liveSince.map({ expected < $0 + 100 }) ?? true, wrong == nil, ContinuousClock.now < deadline {
                    _ = try tap.poll(milliseconds: 50) { record in
                        if record.position != expected { wrong = wrong ?? record.position }
                        expected += 1
                    }
                    if liveSince == nil, tap.isLive { liveSince = expected }
                }
                if let wrong { return "from \(start): \(wrong) in the place of \(expected)" }
                return liveSince.map { expected >= $0 + 100 } == true ? nil : "from \(start): stands at \(expected)"
            } catch {
                return "from \(start): \(error)"
            }
        }
    }

    @Test func `a tap from now begins behind what is there, and one without a journal says what it misses`()
        async throws
    {
        let stream = try RunningStream(folder, seed: 1)
        try await eventually("the stream has a past") { stream.last.withLock { $0 } > 100 }
        let before = stream.last.withLock { $0 }
        let tap = try Tap<TickEnvelope>(stream: .ticks, paths: stream.paths, from: .now, logger: silent)
        var seen: [UInt64] = []
        try await eventually("live ones come") {
            _ = try tap.poll(milliseconds: 10) { seen.append($0.position) }
            return seen.count > 100
        }
        let first = try #require(seen.first)
        #expect(first > before && seen == Array(first..<(first + UInt64(seen.count))) && tap.missing == 0)

        // Only the sockets, as on another machine.
        let elsewhere = try Paths(runtime: folder.path, state: folder.path + "/none")
        let remote = try Tap<TickEnvelope>(stream: .ticks, paths: elsewhere, from: .now, logger: silent)
        try await eventually("live ones come there too") { try remote.poll(milliseconds: 10) { _ in } > 0 }
        stream.end()
        let failure = #expect(throws: Failure.self) {
            try Tap<TickEnvelope>(stream: .ticks, paths: elsewhere, from: .position(3), logger: silent)
        }
        #expect(failure?.code == .unavailable)
    }
}

/// Runs what takes long outside of the pool that all tests share.
private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}
