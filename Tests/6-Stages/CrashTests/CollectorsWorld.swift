import Aggregation
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

/// Two collectors of the same pairs on one market, each with a line of its own to the broker, and one store-writer. One
/// seed drives the market, and when each of them is cut and killed.
final class CollectorsWorld {
    /// A collector's processes, and its line.
    final class Member {
        let paths: Paths
        let bus: any Bus
        fileprivate(set) var broker: HostileBroker
        fileprivate var ingest: IngestProcess?
        fileprivate var aggregator: Aggregator?
        /// Connections to the broker can be opened, and stay.
        fileprivate var isReachable = true
        /// By the broker's clock, ns.
        fileprivate var troubleEnds = Int64.max

        fileprivate init(_ paths: Paths, _ bus: any Bus, _ broker: HostileBroker) {
            (self.paths, self.bus, self.broker) = (paths, bus, broker)
        }
    }

    let members: [Member]
    private(set) var configuration = Configuration()
    private var random: SplitMix
    private let bus: MemoryBus
    private let clock = SteppedClock(now: UTCNanos(rawValue: HostileBroker.start))
    private var storeWriter: StoreWriter?

    init(seed: UInt64, folder: String) throws {
        random = SplitMix(seed: seed)
        bus = MemoryBus(seed: seed &+ 2)
        bus.faultRate = Int.random(in: 0...30, using: &random)
        let paths = try Paths(state: folder)
        members = [Collector.main, Collector("eu")!].enumerated().map { [bus] place, collector in
            var broker = HostileBroker(seed: seed &+ 3 &+ UInt64(place), market: seed &+ 1)
            (broker.oneSidedEvery, broker.lateEvery, broker.lostEvery) = (20, seed % 2 == 0 ? 5 : 0, 200)
            return Member(paths.of(collector), bus.of(collector), broker)
        }
        configuration.timeframes = [Timeframe(minutes: 1)!, .fiveMinutes]
        configuration.closing = seed % 2 == 0 ? .nextTick : .grace
        configuration.journal.segmentRecords = Int.random(in: 20...300, using: &random)
        configuration.journal.syncMilliseconds = 60_000
        configuration.journal.retentionDays = 0
    }

    // MARK: One step after another

    func run(steps: Int) throws {
        try startAll()
        for _ in 0..<steps { try step() }
        bus.faultRate = 0
        for member in members { endTrouble(member) }
        try startAll()
        // Long enough for every candle to close.
        for _ in 0..<8 { try pass(seconds: 60) }
        try settle()
    }

    private func step() throws {
        let member = members[Int.random(in: 0..<members.count, using: &random)]
        switch Int.random(in: 0..<100, using: &random) {
        case ..<55: try pass(seconds: Double.random(in: 0.1...12, using: &random))
        case ..<78: _ = try turn()
        case ..<82: member.aggregator = nil
        case ..<85: storeWriter = nil
        case ..<87: killIngest(member)
        case ..<95: try startAll()
        case ..<98: trouble(member)
        default:
            member.broker.unsubscribe(
                Int.random(in: HostileBroker.pairs.indices, using: &random),
                refusedFor: Double.random(in: 0...90, using: &random))
        }
    }

    /// The market and every clock go on, and both lines with them.
    private func pass(seconds: Double) throws {
        var left = Int64(seconds * 1e9)
        while left > 0 {
            let step = min(left, Int64.random(in: 50...1_000, using: &random) * UTCNanos.perMillisecond)
            left -= step
            clock.advance(by: .nanoseconds(step))
            for member in members {
                member.broker.run(until: member.broker.now + step)
                if member.broker.now >= member.troubleEnds { endTrouble(member) }
                try member.ingest?.turn(&member.broker, isReachable: member.isReachable)
            }
        }
    }

    /// - Returns: how many records the stages took.
    private func turn() throws -> Int {
        let folded = try members.map { try $0.aggregator?.turn(milliseconds: 0, stop: -1) ?? 0 }
        return try folded.reduce(0, +) + (storeWriter?.turn(milliseconds: 0, stop: -1) ?? 0)
    }

    /// Until no stage has anything left to take.
    private func settle() throws {
        var quiet = 0
        while quiet < 4 {
            quiet = try turn() == 0 ? quiet + 1 : 0
            clock.advance(by: .seconds(1))
        }
    }

    // MARK: The lines

    private func trouble(_ member: Member) {
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: member.broker.cut()
        case 2: member.broker.forget()
        case 3: member.broker.refusesRecovery = true
        case 4: member.isReachable = false
        default: member.broker.end(code: 48)
        }
        member.troubleEnds = member.broker.now + Int64.random(in: 1...40, using: &random) * UTCNanos.perSecond
    }

    private func endTrouble(_ member: Member) {
        (member.broker.refusesRecovery, member.isReachable) = (false, true)
        member.troubleEnds = .max
    }

    // MARK: Processes

    private func startAll() throws {
        for member in members {
            if member.ingest == nil {
                member.ingest = try IngestProcess(
                    paths: member.paths, configuration: configuration, bus: member.bus, clock: clock.clock,
                    seed: random.next())
            }
            if member.aggregator == nil {
                member.aggregator = try Aggregator(
                    paths: member.paths, configuration: configuration, bus: member.bus, service: service(),
                    clock: clock.clock, logger: quietLogger(), checkpointRecords: 200)
            }
        }
        if storeWriter == nil {
            let paths = members[0].paths
            storeWriter = try StoreWriter(
                paths: paths, configuration: configuration,
                store: try SQLiteEngine().openWriter(paths, enforcesOpinions: false), bus: bus, service: service(),
                clock: clock.clock, logger: quietLogger())
        }
    }

    private func service() throws -> ServiceNotifier {
        try ServiceNotifier(environment: Environment([:]), clock: clock.clock)
    }

    private func killIngest(_ member: Member) {
        member.ingest = nil
        member.broker.disconnected()
    }
}
