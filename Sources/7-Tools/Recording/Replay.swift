internal import Archive
public import Host
public import Logging
internal import MarketData
internal import Streams
public import Wire

/// Publishes recorded streams again, each as its stage would: journal and socket in folders of its own, positions as
/// they were.
///
/// Ticks may be played several times. Each round goes on behind the one before: positions are shifted, and times by whole
/// days, so that intervals begin where they did.
///
/// - Note: One thread only.
public final class Replay {
    /// How fast.
    public enum Pace: Hashable, Sendable {
        /// The records' times of arrival, this many times as fast.
        case recorded(speed: Double)
        /// As fast as readers take it: slow ones are waited for.
        case asFastAsTaken
    }

    /// Records that were published.
    public private(set) var published = 0
    /// The addresses at which it publishes.
    public var endpoints: [String] { players.map(\.writer.endpoint) }

    private let players: [Player]
    private let pace: Pace
    private let clock: Clock

    /// - Parameters:
    ///   - recording: a folder that `Recorder` wrote, or any state folder: its archive, then its journal.
    ///   - streams: those that are played; empty: `ticks` and `history`, or `candles` where neither was recorded.
    ///   - times: how often; above 1 only ticks: other records speak of positions in other streams.
    ///   - folders: of its sockets and journals; the journals must be new.
    /// - Throws: `Failure` (66) if nothing is recorded, (64) if the folders hold journals already, (75) if
    ///   another process publishes there; `JournalError`, `BusError`.
    public init(
        _ recording: Paths, streams: [Stream], times: Int, pace: Pace, into folders: Paths, stop: StopSignal,
        clock: Clock, logger: Logger
    ) throws {
        let present = try Replay.order.filter {
            try ArchivedStream.exists($0, recording)
        }
        let streams = Replay.order.filter { streams.contains($0) }
        let chosen = streams.isEmpty ? times > 1 ? [.ticks] : Replay.inputs(of: present) : streams
        guard times == 1 || chosen == [.ticks] else {
            throw Failure(.usage, "only ticks can be played several times")
        }
        if let absent = chosen.first(where: { !present.contains($0) }) {
            throw Failure(.missingInput, "\(recording.collectorState) holds no recording of \(absent.rawValue)")
        }
        guard !chosen.isEmpty else {
            throw Failure(.missingInput, "\(recording.collectorState) holds no recording")
        }
        self.pace = pace
        self.clock = clock
        try folders.prepare()
        let context = try BusContext()
        players = try chosen.map { stream in
            guard try !JournalTail.exists(folder: folders.journal(stream)) else {
                throw Failure(
                    .usage, "\(folders.journal(stream)) already holds records: replay into a new folder")
            }
            return try Player(
                stream, recording, times: times, into: folders, context: context,
                slowReaders: pace == .asFastAsTaken ? .areWaitedFor(until: stop) : .lose, logger: logger)
        }
    }

    /// A century at most, so that sums stay within 64 bits.
    private static func nanos(_ value: Double) -> Int64 { Int64(min(value, 3.2e18)) }

    /// The candles follow from the others.
    private static func inputs(of present: [Stream]) -> [Stream] {
        let inputs = present.filter { $0 == .ticks || $0 == .history }
        return inputs.isEmpty ? present.filter { $0 == .candles } : inputs
    }

    /// In this order records of the same time are published.
    private static let order: [Stream] = [.ticks, .history, .candles, .native, .refold]

    /// Waits until each stream has a reader. Only if the publisher waits for slow readers.
    /// - Returns: false if a stop was asked for.
    public func waitForReaders(until stop: StopSignal) -> Bool {
        players.allSatisfy { $0.publisher?.waitForReader(until: stop) == true }
    }

    /// Publishes until all is published, or a stop is asked for.
    public func run(until stop: StopSignal) throws {
        let began = clock.monotonic()
        let origin = players.compactMap(\.nextTime).min() ?? 0
        while let player = players.filter({ $0.nextTime != nil }).min(by: { $0.nextTime ?? 0 < $1.nextTime ?? 0 }),
            let time = player.nextTime, !stop.isRaised
        {
            switch pace {
            case .asFastAsTaken: published += try player.publish(until: .max)
            case .recorded(let speed):
                let due = began + Replay.nanos(Double(time - origin) / speed)
                let wait = (due - clock.monotonic()) / UTCNanos.perMillisecond
                if wait > 0, stop.wait(milliseconds: Int32(clamping: wait)) { break }
                published += try player.publish(until: origin + Replay.nanos(Double(clock.monotonic() - began) * speed))
            }
        }
        for player in players { try player.writer.close() }
    }
}

@available(*, unavailable)
extension Replay: Sendable {}

/// One recorded stream on its way out.
private final class Player {
    let writer: StreamWriter
    /// Set with `writer`.
    let publisher: Publisher?
    /// When the next record arrived, shifted, ns since 1970; `nil` at the end.
    private(set) var nextTime: Int64?

    private let stream: Stream
    private let recording: Paths
    private let times: Int
    private var source: ArchivedStream
    /// Sealed records that are to come.
    private var waiting: [UInt8] = []
    private var offset = 0
    private var played = 1
    private var shift = Shift()

    /// The offset of the records of a later round.
    private struct Shift {
        var position: UInt64 = 0
        var time: Int64 = 0
        /// The end of the round before.
        var earliest: Int64 = 0
    }

    /// 2200: what is later counts as damage.
    private static let end: Int64 = 7_258_118_400_000_000_000

    /// Of the first round: what the next one must lie behind.
    private var firstPosition: UInt64?
    private var firstTime = Int64.max
    private var lastTime = Int64.min

    init(
        _ stream: Stream, _ recording: Paths, times: Int, into folders: Paths, context: BusContext,
        slowReaders: Publisher.SlowReaders, logger: Logger
    ) throws {
        self.stream = stream
        self.times = times
        self.recording = recording
        source = try ArchivedStream(stream, recording)
        var settings = JournalSettings()
        settings.retentionDays = 0
        var publisher: Publisher?
        writer = try StreamWriter(stream: stream, paths: folders, settings: settings, logger: logger) {
            let new = try Publisher(
                context: context, endpoint: try folders.endpoint(stream), slowReaders: slowReaders)
            publisher = new
            return new
        }
        self.publisher = publisher
        try refill()
    }

    /// Publishes one burst: the records that are at hand and arrived by then.
    /// - Returns: how many.
    func publish(until time: Int64) throws -> Int {
        var count = 0
        while let next = nextTime, next <= time, count < JournalReader.batchRecords {
            try waiting[offset..<(offset + stream.recordSize)].withUnsafeBytes { try writer.append(sealed: $0) }
            offset += stream.recordSize
            count += 1
            if offset == waiting.count { try refill() }
            readTime()
        }
        try writer.commit()
        return count
    }

    /// Takes the next batch out of the recording, at its end from the beginning again.
    private func refill() throws {
        waiting.removeAll(keepingCapacity: true)
        offset = 0
        while try source.readBytes({ waiting.append(contentsOf: $0) }) == 0 {
            guard played < times, let firstPosition else { return }
            let day = 86_400 * UTCNanos.perSecond
            let distance = ((lastTime - firstTime) / day + 1) * day
            if played == 1 { try checkEnd(distance) }
            played += 1
            shift.position = writer.lastPosition + 1 - firstPosition
            shift.earliest = lastTime + shift.time
            shift.time += distance
            source = try ArchivedStream(stream, recording)
        }
        for start in stride(from: 0, to: waiting.count, by: stream.recordSize) { prepare(start) }
        readTime()
    }

    /// A last round that would lie too late is reported before the second one.
    private func checkEnd(_ distance: Int64) throws {
        let (whole, overflow) = distance.multipliedReportingOverflow(by: Int64(times - 1))
        guard !overflow, whole < Player.end - lastTime else {
            throw Failure(.usage, "round \(times) would lie beyond the year 2200: choose a lower --times")
        }
    }

    /// Notes the extent of the first round; shifts a record of a later one.
    private func prepare(_ start: Int) {
        waiting[start..<(start + stream.recordSize)].withUnsafeMutableBytes { bytes in
            let record = UnsafeRawBufferPointer(bytes)
            if played == 1 {
                let position = RecordBytes.position(record)
                firstPosition = firstPosition ?? position
                // Events may speak of times long before.
                if stream == .ticks, record.loadUnaligned(as: RecordKind.self) == .feed { return }
                let time = RecordBytes.time(record)
                firstTime = min(firstTime, time)
                lastTime = max(lastTime, time)
            } else {
                let position = RecordBytes.position(record) + shift.position
                let later = record.loadUnaligned(as: TickEnvelope.self).shifted(
                    by: shift.time, positions: shift.position, notBefore: shift.earliest)
                bytes.storeBytes(of: later, as: TickEnvelope.self)
                RecordBytes.seal(bytes, position: position)
            }
        }
    }

    private func readTime() {
        guard offset < waiting.count else {
            nextTime = nil
            return
        }
        nextTime = waiting[offset..<(offset + stream.recordSize)].withUnsafeBytes { stream.arrival($0) }
    }
}

extension Stream {
    /// When a record arrived or was published, ns since 1970.
    fileprivate func arrival(_ record: UnsafeRawBufferPointer) -> Int64 {
        switch self {
        case .ticks: record.loadUnaligned(as: TickEnvelope.self).receiveTime.rawValue
        case .history, .candles, .native, .refold, .stored, .forming:
            record.loadUnaligned(as: CandleEnvelope.self).publishTime.rawValue
        }
    }
}

extension TickEnvelope {
    /// The same, later: as a later round of a recording has it.
    /// - Parameters:
    ///   - nanos: added to its times.
    ///   - positions: added to positions that it speaks of.
    ///   - earliest: nothing that it says of darkness reaches back behind this, ns since 1970: there the round before was.
    fileprivate func shifted(by nanos: Int64, positions: UInt64, notBefore earliest: Int64) -> TickEnvelope {
        func later(_ time: UTCNanos) -> UTCNanos { UTCNanos(rawValue: time.rawValue + nanos) }
        func dark(_ time: UTCNanos) -> UTCNanos {
            time.rawValue == 0 ? UTCNanos(rawValue: earliest) : max(later(time), UTCNanos(rawValue: earliest))
        }
        let (broker, received) = (later(brokerTime), later(receiveTime))
        func told(_ event: FeedEvent, of pair: Pair = .none) -> TickEnvelope {
            FeedRecord(event, pair: pair, brokerTime: broker, receiveTime: received).envelope
        }
        switch content {
        case .tick(let tick):
            return TickRecord(
                pair, brokerTime: broker, receiveTime: received, bid: tick.bid, ask: tick.ask, flags: tick.flags
            ).envelope
        case .clock(let clock): return ClockRecord(broker, receiveTime: received, flags: clock.flags).envelope
        case .feed(let feed):
            switch feed.event {
            case .blindBegan(let since): return told(.blindBegan(since: dark(since)))
            case .blindEnded(let from, let until): return told(.blindEnded(from: dark(from), until: dark(until)))
            case .positionsSkipped(let first, let count):
                return told(.positionsSkipped(first: first + positions, count: count))
            case let event: return told(event, of: pair)
            }
        case .unknown: return self
        }
    }
}
