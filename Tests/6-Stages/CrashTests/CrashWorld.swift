import Glibc
import Host
import MarketData
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
    private(set) var broker: SimulatedBroker
    private(set) var database = SimulatedDatabase()
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

    enum Stream: String {
        case ticks, candles
        var recordSize: Int { self == .ticks ? TickEnvelope.byteCount : CandleEnvelope.byteCount }
    }

    private let folder: String
    private var settings = JournalSettings()
    private var random: SplitMix
    private let tickBus: SimulatedBus
    private let candleBus: SimulatedBus
    private var ingest: SimulatedIngest?
    private var aggregator: SimulatedAggregator?
    private var storeWriter: SimulatedStoreWriter?
    private var boot = 1
    private var clockError: Int64 = 0
    /// The broker's data since the connection was cut; `nil` while it stands.
    private var missed: [SimulatedBroker.Message]?

    init(seed: UInt64, folder: String) {
        random = SplitMix(seed: seed)
        trouble = Trouble.allCases[Int(seed % 3)]
        broker = SimulatedBroker(seed: seed &+ 1)
        tickBus = SimulatedBus(seed: seed &+ 2)
        candleBus = SimulatedBus(seed: seed &+ 3)
        self.folder = folder
        settings.segmentRecords = Int.random(in: 20...300, using: &random)
        settings.syncMilliseconds = 60_000
        settings.retentionDays = 0
        let faults = Int.random(in: 0...30, using: &random)
        tickBus.faultRate = faults
        candleBus.faultRate = faults
    }

    func path(_ stream: Stream) -> String { "\(folder)/\(stream.rawValue)" }

    // MARK: One step after another

    func run(steps: Int) throws {
        try startAll()
        for _ in 0..<steps { try step() }
        (tickBus.faultRate, candleBus.faultRate) = (0, 0)
        try startAll()
        try connect()
        for pair in SimulatedBroker.pairs.indices {
            try ingest?.takeAgain(pair, broker.snapshots.first { $0.pair == pair })
        }
        // Long enough for every candle to close.
        for _ in 0..<8 { try pass(seconds: 60) }
        try settle()
    }

    private func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<35: try pass(seconds: Double.random(in: 0.1...20, using: &random))
        case ..<60: try turn()
        case ..<66: storeWriter?.commit(to: &database)
        case ..<72: aggregator = nil
        case ..<77: storeWriter = nil
        case ..<80: killIngest()
        case ..<81: killAll()
        case ..<86: try startAll()
        case ..<90: try cutOrConnect()
        case ..<92: if let missed, let ingest { try recover(ingest, missed) }
        case ..<94: clockError = Int64.random(in: -3_600...3_600, using: &random) * 1_000_000_000
        case ..<96: if missed != nil { try ingest?.standIn(broker.now) }
        case ..<97: try endOrTakeAgain()
        case ..<98: sync()
        default: try strike()
        }
    }

    private func strike() throws {
        switch trouble {
        case .kills: try tearTail()
        case .powerCuts: try powerCut()
        case .damage: try flipBit()
        }
    }

    private func pass(seconds: Double) throws {
        let messages = broker.pass(seconds: seconds)
        if missed != nil {
            missed?.append(contentsOf: messages)
        } else {
            try ingest?.receive(messages)
        }
    }

    private func turn() throws {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            do { _ = try aggregator?.turn() } catch { try exit(error) { aggregator = nil } }
            do { _ = try storeWriter?.turn() } catch { try exit(error) { storeWriter = nil } }
        }
    }

    /// A stage ends where the journal lacks what was published: its end is damaged while the publisher lives on.
    private func exit(_ error: any Error, _ stage: () -> Void) throws {
        guard trouble == .damage, (error as? Failure)?.code == .badData else { throw error }
        stage()
    }

    /// Until no consumer has a record left to take.
    private func settle() throws {
        var quiet = 0
        while quiet < 4 {
            let count = try (aggregator?.turn() ?? 0) + (storeWriter?.turn() ?? 0)
            storeWriter?.commit(to: &database)
            quiet = count == 0 ? quiet + 1 : 0
        }
    }

    // MARK: Processes

    private func startAll() throws {
        // A writer makes durable what it finds.
        if ingest == nil {
            noteSynced(.ticks)
            ingest = try SimulatedIngest(
                folder: path(.ticks), settings: settings, bootID: "boot-\(boot)", bus: tickBus, clockError: clockError,
                appended: { [unowned self] in note($0, .ticks) })
            // The segment behind a skip is durable at once.
            if ingest?.writer.skipped != nil { noteNamed(.ticks) }
            missed = []
            if Bool.random(using: &random) { try connect() }
        }
        if aggregator == nil {
            noteSynced(.candles)
            aggregator = try SimulatedAggregator(
                ticks: path(.ticks), candles: path(.candles), settings: settings, bootID: "boot-\(boot)",
                input: tickBus, output: candleBus, appended: { [unowned self] in note($0, .candles) })
            if aggregator?.writer.skipped != nil { noteNamed(.candles) }
        }
        if storeWriter == nil {
            storeWriter = try SimulatedStoreWriter(
                candles: path(.candles), from: database.position, input: candleBus)
        }
    }

    private func killIngest() {
        ingest = nil
        missed = nil
    }

    private func killAll() {
        killIngest()
        aggregator = nil
        storeWriter = nil
        tickBus.unsubscribe()
        candleBus.unsubscribe()
    }

    /// A new session, where the connection is cut.
    private func connect() throws {
        guard missed != nil else { return }
        missed = nil
        try ingest?.sessionBegan(broker.snapshots)
    }

    private func cutOrConnect() throws {
        guard let ingest else { return }
        if missed != nil { return try connect() }
        missed = []
        try ingest.cut()
    }

    /// Where bits flip the word that a pair is blind may be lost: it is told again, but later than this world lasts.
    private func endOrTakeAgain() throws {
        guard trouble != .damage, missed == nil, let ingest else { return }
        let pair = Int.random(in: SimulatedBroker.pairs.indices, using: &random)
        if Bool.random(using: &random) {
            try ingest.end(pair)
        } else {
            try ingest.takeAgain(pair, broker.snapshots.first { $0.pair == pair })
        }
    }

    /// The broker still has all that was missed. A session that never began cannot be recovered.
    private func recover(_ ingest: SimulatedIngest, _ messages: [SimulatedBroker.Message]) throws {
        guard ingest.hasSession else { return }
        missed = nil
        try ingest.recovered(messages)
    }

    // MARK: Disk

    private func note(_ records: UnsafeRawBufferPointer, _ stream: Stream) {
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

    private func noteNamed(_ stream: Stream) { namedSegments.formUnion(segments(stream).map(\.path)) }

    private func segments(_ stream: Stream) -> [(path: String, first: UInt64)] {
        folderNames(path(stream)).filter { $0.hasSuffix(".journal") }.map {
            ("\(path(stream))/\($0)", UInt64($0.prefix(20))!)
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
        for stream in [Stream.ticks, .candles] {
            mayBeLost[stream]?.formUnion((appended[stream] ?? [:]).keys.filter { $0 > synced[stream, default: 0] })
            for segment in segments(stream) { lose(segment, stream) }
        }
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
