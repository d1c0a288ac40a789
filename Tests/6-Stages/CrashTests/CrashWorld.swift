@testable import Aggregation
import Glibc
import Host
import MarketData
import SQLiteStore
import Settings
import Store
import StoreWriting
import Streams
import TestKit
import Wire

/// One day of trouble, driven by one seed: market, processes, bus and disk. Journals are real files.
final class CrashWorld {
    enum Trouble: CaseIterable {
        /// Processes die; what they wrote stays.
        case kills
        /// The machine dies too: what was not synced may be gone, cut or garbled.
        case powerCuts
        /// Bits flip in the tick journal.
        case damage
    }

    let trouble: Trouble
    private(set) var broker: HostileBroker
    /// Broken promises, a sentence each.
    private(set) var violations: [String] = []
    /// Every record that was ever appended, by position, and up to where it was synced.
    private(set) var appended: [Stream: [UInt64: [UInt8]]] = [.ticks: [:], .candles: [:]]
    private var synced: [Stream: UInt64] = [.ticks: 0, .candles: 0]
    /// Segments whose names are on the disk: a writer syncs the one that it begins with.
    private var namedSegments: Set<String> = []
    /// Positions that a power cut or a flipped bit may have taken.
    private(set) var mayBeLost: [Stream: Set<UInt64>] = [.ticks: [], .candles: []]

    /// Where the word that blindness ended was damaged after it was passed on, replays stay blind longer than the
    /// database tells: more is shown as partial than has to be.
    var lostAnEnd: Bool {
        guard trouble == .damage, let lost = mayBeLost[.ticks], let records = appended[.ticks] else { return false }
        return lost.contains { position in
            guard let bytes = records[position] else { return false }
            let record = bytes.withUnsafeBytes { $0.loadUnaligned(as: TickEnvelope.self) }
            if case .blindEnded = record.feedEvent { return true }
            return false
        }
    }

    let paths: Paths
    private(set) var configuration = Configuration()
    private var random: SplitMix
    private let bus: MemoryBus
    private let clock = SteppedClock(now: UTCNanos(rawValue: HostileBroker.start))
    private var ingest: IngestProcess?
    private var aggregator: Aggregator?
    private var storeWriter: StoreWriter?
    /// As `Aggregator` takes it.
    private let checkpointRecords: Int
    private var checkpoint: CheckpointDisk
    /// How often an aggregator went on at a checkpoint, and how often one began without.
    private(set) var starts = (atCheckpoint: 0, atBeginning: 0)
    private var boot = 1
    /// Connections to the broker can be opened, and stay.
    private var isReachable = true
    /// By the broker's clock, ns.
    private var troubleEnds = Int64.max

    init(seed: UInt64, folder: String) throws {
        random = SplitMix(seed: seed)
        trouble = Trouble.allCases[Int(seed % 3)]
        broker = HostileBroker(seed: seed &+ 1)
        (broker.oneSidedEvery, broker.lateEvery, broker.lostEvery) = (20, Bool.random(using: &random) ? 5 : 0, 200)
        bus = MemoryBus(seed: seed &+ 2)
        paths = try Paths(state: folder)
        checkpoint = CheckpointDisk(path: paths.checkpoint)
        checkpointRecords = seed % 7 == 0 ? 0 : Int.random(in: 20...500, using: &random)
        configuration.timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
        configuration.closing = seed % 2 == 0 ? .nextTick : .grace
        configuration.journal.segmentRecords = Int.random(in: 20...300, using: &random)
        configuration.journal.syncMilliseconds = 60_000
        configuration.journal.retentionDays = 0
        configuration.journal.bootID = "boot-1"
        bus.faultRate = Int.random(in: 0...30, using: &random)
        bus.published = { [unowned self] in note($0, $1) }
    }

    // MARK: One step after another

    func run(steps: Int) throws {
        try startAll()
        for _ in 0..<steps { try step() }
        try calm()
        // Long enough for every candle to close.
        for _ in 0..<8 { try pass(seconds: 60) }
        try settle()
    }

    private func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<35: try pass(seconds: Double.random(in: 0.1...10, using: &random))
        case ..<60: try turn()
        case ..<66: try pass(seconds: Double.random(in: 0.001...2, using: &random))
        case ..<72: try endAggregator()
        case ..<77: storeWriter = nil
        case ..<80: killIngest()
        case ..<81: killAll()
        case ..<86: try startAll()
        case ..<92: troubleTheFeed()
        case ..<94: setClock()
        case ..<97: endSubscription()
        case ..<98: sync()
        default: try strike()
        }
    }

    private func setClock() {
        clock.set(broker.time + .seconds(Int.random(in: -3_600...3_600, using: &random)))
    }

    private func strike() throws {
        switch trouble {
        case .kills: try tearTail()
        case .powerCuts: try powerCut()
        case .damage: try flipBit()
        }
    }

    /// The market and every clock go on, and ingest-stream with them.
    private func pass(seconds: Double) throws {
        var left = Int64(seconds * 1e9)
        while left > 0 {
            let step = min(left, Int64.random(in: 50...1_000, using: &random) * UTCNanos.perMillisecond)
            left -= step
            clock.advance(by: .nanoseconds(step))
            broker.run(until: broker.now + step)
            if broker.now >= troubleEnds { endTrouble() }
            do { try ingest?.turn(&broker, isReachable: isReachable) } catch { try exit(error) {} }
        }
    }

    private func turn() throws {
        for _ in 0..<Int.random(in: 1...4, using: &random) { _ = try turnOnce() }
    }

    /// - Returns: how many records the stages took.
    private func turnOnce() throws -> Int {
        var taken = 0
        do { taken += try aggregator?.turn(milliseconds: 0, stop: -1) ?? 0 } catch {
            try exit(error) { aggregator = nil }
        }
        noteCheckpoint()
        do { taken += try storeWriter?.turn(milliseconds: 0, stop: -1) ?? 0 } catch {
            try exit(error) { storeWriter = nil }
        }
        return taken
    }

    /// A stage ends if the journal lacks what was published: its end is damaged while the publisher lives on. The
    /// operator then restarts the publisher, as the stage's message says.
    private func exit(_ error: any Error, _ stage: () -> Void) throws {
        guard trouble == .damage, let code = (error as? Failure)?.code, [.badData, .temporary].contains(code) else {
            throw error
        }
        stage()
        killIngest()
    }

    /// Until no stage has anything left to take.
    private func settle() throws {
        var quiet = 0
        while quiet < 4 {
            try startAll()
            let taken = try turnOnce()
            clock.advance(by: .seconds(1))
            quiet = taken == 0 && aggregator != nil && storeWriter != nil ? quiet + 1 : 0
        }
    }

    // MARK: The feed

    private func troubleTheFeed() {
        switch Int.random(in: 0..<7, using: &random) {
        case 0, 1: broker.cut()
        case 2: broker.forget()
        case 3: broker.refusesRecovery = true
        case 4: isReachable = false
        case 5: broker.loop()
        default: broker.end(code: 48)
        }
        troubleEnds = broker.now + Int64.random(in: 1...20, using: &random) * UTCNanos.perSecond
    }

    private func endTrouble() {
        (broker.refusesRecovery, isReachable) = (false, true)
        troubleEnds = .max
    }

    /// If bits flip, the event that a pair is blind may be lost: it is written again, but later than this world lasts.
    private func endSubscription() {
        guard trouble != .damage else { return }
        broker.unsubscribe(
            Int.random(in: HostileBroker.pairs.indices, using: &random),
            refusedFor: Double.random(in: 0...90, using: &random))
    }

    private func calm() throws {
        endTrouble()
        bus.faultRate = 0
        try startAll()
    }

    // MARK: Processes

    private func startAll() throws {
        // A writer makes durable what it finds.
        if ingest == nil {
            noteSynced(.ticks)
            ingest = try started {
                try IngestProcess(
                    paths: paths, configuration: configuration, bus: bus, clock: clock.clock, seed: random.next())
            }
            noteSkip(.ticks)
        }
        if aggregator == nil {
            noteSynced(.candles)
            do { aggregator = try started(makeAggregator) } catch { try exit(error) {} }
            noteSkip(.candles)
            if aggregator?.place.tick != nil { starts.atCheckpoint += 1 } else { starts.atBeginning += 1 }
        }
        if storeWriter == nil { storeWriter = try started(makeStoreWriter) }
    }

    private func makeAggregator() throws -> Aggregator {
        try Aggregator(
            paths: paths, configuration: configuration, bus: bus, service: service(), clock: clock.clock,
            logger: quietLogger(), checkpointRecords: checkpointRecords)
    }

    private func makeStoreWriter() throws -> StoreWriter {
        try StoreWriter(
            paths: paths, configuration: configuration,
            store: try SQLiteEngine().openWriter(paths, enforcesOpinions: false), bus: bus, service: service(),
            clock: clock.clock, logger: quietLogger())
    }

    private func service() throws -> ServiceNotifier {
        try ServiceNotifier(environment: Environment([:]), clock: clock.clock)
    }

    /// A program that another test starts holds a copy of the former process's locks between fork and exec: so a start is
    /// tried again for a while.
    private func started<Process>(_ start: () throws -> Process) throws -> Process {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do {
                return try start()
            } catch let failure as Failure
                where failure.description.contains("held by process") && ContinuousClock.now < deadline
            { sched_yield() }
        }
    }

    /// It is killed, perhaps while a checkpoint is made, or ends in order.
    private func endAggregator() throws {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            try aggregator?.close()
            if aggregator != nil { noteSynced(.candles) }
            noteCheckpoint()
        case 1: checkpoint.takeBack(&random)
        default: break
        }
        aggregator = nil
    }

    /// The candles that a checkpoint builds upon were made durable before it.
    private func noteCheckpoint() {
        aggregator?.checkpoints.finish()
        if checkpoint.isNew() { noteSynced(.candles) }
    }

    private func killIngest() {
        ingest = nil
        broker.disconnected()
    }

    private func killAll() {
        killIngest()
        aggregator = nil
        storeWriter = nil
        bus.unsubscribeAll()
    }

    // MARK: Disk

    private func note(_ records: UnsafeRawBufferPointer, _ stream: Stream) {
        guard stream != .forming else { return }
        for start in stride(from: 0, to: records.count, by: stream.recordSize) {
            let record = UnsafeRawBufferPointer(rebasing: records[start..<(start + stream.recordSize)])
            let position = RecordBytes.position(record)
            if let former = appended[stream]?[position], former != Array(record) {
                violations.append("\(stream) position \(position) was given twice")
            }
            appended[stream]?[position] = Array(record)
        }
    }

    /// The writers' own threads sync.
    private func sync() {
        if ingest != nil { noteSynced(.ticks) }
        if aggregator != nil { noteSynced(.candles) }
    }

    private func noteSynced(_ stream: Stream) {
        synced[stream] = appended[stream]?.keys.max() ?? 0
        noteNamed(stream)
    }

    /// The segment behind positions that a writer skipped at its start is durable at once.
    private func noteSkip(_ stream: Stream) {
        let last = appended[stream]?.keys.max() ?? 0
        if let segment = segments(stream).last, segment.first > last + 1 { noteNamed(stream) }
    }

    private func noteNamed(_ stream: Stream) { namedSegments.formUnion(segments(stream).map(\.path)) }

    private func segments(_ stream: Stream) -> [(path: String, first: UInt64)] {
        folderNames(paths.journal(stream)).filter { $0.hasSuffix(".journal") }.map {
            ("\(paths.journal(stream))/\($0)", UInt64($0.prefix(20))!)
        }
    }

    /// A process died in the middle of a write: part of a record stands at the end.
    private func tearTail() throws {
        killAll()
        for stream in [Stream.ticks, .candles] {
            guard let last = segments(stream).last else { continue }
            let torn = (0..<Int.random(in: 1..<stream.recordSize, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            TemporaryFolder.overwrite(last.path, fileBytes(last.path) + torn)
        }
    }

    private func powerCut() throws {
        killAll()
        boot += 1
        configuration.journal.bootID = "boot-\(boot)"
        for stream in [Stream.ticks, .candles] {
            mayBeLost[stream]?.formUnion((appended[stream] ?? [:]).keys.filter { $0 > synced[stream, default: 0] })
            for segment in segments(stream) { lose(segment, stream) }
        }
        checkpoint.cutPower(&random)
    }

    /// The unsynced part of a segment is there, cut anywhere, zeroed in places, or gone.
    private func lose(_ segment: (path: String, first: UInt64), _ stream: Stream) {
        let bytes = fileBytes(segment.path)
        let durable = synced[stream, default: 0]
        let header = namedSegments.contains(segment.path) ? 64 : 0
        let keep = durable >= segment.first ? 64 + Int(durable - segment.first + 1) * stream.recordSize : header
        guard keep < bytes.count else { return }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: break
        case 1 where !namedSegments.contains(segment.path): unlink(segment.path)
        case 2:
            var zeroed = bytes
            let from = Int.random(in: keep..<bytes.count, using: &random)
            for index in from..<min(bytes.count, from + 500) { zeroed[index] = 0 }
            TemporaryFolder.overwrite(segment.path, zeroed)
        default:
            TemporaryFolder.overwrite(
                segment.path, Array(bytes.prefix(Int.random(in: keep...bytes.count, using: &random))))
        }
    }

    private func flipBit() throws {
        if Int.random(in: 0..<8, using: &random) == 0 { return checkpoint.flipBit(&random) }
        guard let segment = segments(.ticks).randomElement(using: &random) else { return }
        var bytes = fileBytes(segment.path)
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: bytes.indices, using: &random)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        // In place: the writer has the file open.
        let file = open(segment.path, O_WRONLY)
        defer { close(file) }
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress! + place, 1, off_t(place)) }
        if place >= 64 { mayBeLost[.ticks]?.insert(segment.first + UInt64((place - 64) / 64)) }
    }
}
