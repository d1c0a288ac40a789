public import Host
public import Logging
public import Settings
public import Streams
internal import MarketData
internal import Wire

/// The relay: offers the streams of one collector to other machines, over TCP with CURVE. It reads the bus and the
/// journals and writes nothing. Source: docs/formats.md § 9.
///
/// - Note: Everything runs on the thread that calls `run`.
public final class Relay {
    /// One socket of the bus, and what stands before its messages on the network.
    private struct Source {
        let topic: [UInt8]
        let subscriber: Subscriber
        let showsState: Bool
    }

    private let sockets: RelaySockets
    private let sources: [Source]
    private let answers: JournalAnswers
    private let keys: AdmittedKeys
    private let service: ServiceNotifier
    private let clock: Clock
    private let logger: Logger
    /// Monotonic time of the next look at the keys.
    private var nextLook = Int64.min
    /// Monotonic time at which the present state may be asked for again, and whether a new client wants it.
    private var renewal = (nextTime: Int64.min, isWanted: false)

    /// Live messages of one socket, handshakes and requests that are taken in one turn.
    private static let liveLimit = 4_096
    private static let handshakeLimit = 64
    private static let requestLimit = 16

    /// - Throws: `Failure` (78) if no address is configured or the relay has no key; `BusError` if a port is taken.
    public init(
        paths: Paths, configuration: Configuration, service: ServiceNotifier, clock: Clock, logger: Logger
    ) throws {
        guard let address = configuration.relay.listen else {
            throw Failure(
                .configuration,
                "relay.listen is off: name an address and a port in the configuration, such as relay: {listen: '*:7411'}"
            )
        }
        (self.service, self.clock, self.logger) = (service, clock, logger)
        let context = try BusContext()
        let folder = KeyFolder(paths)
        sockets = try RelaySockets(context: context, address: address, pair: try folder.server(), clock: clock)
        sources =
            try Stream.allCases.map {
                Source(
                    topic: RelayMessage.topic($0.rawValue),
                    subscriber: try Subscriber(context: context, endpoint: try paths.endpoint($0)),
                    showsState: $0 == .forming)
            }
            + Stage.allCases.map {
                Source(
                    topic: RelayMessage.topic(RelayMessage.statusName),
                    subscriber: try Subscriber(context: context, endpoint: try paths.statusEndpoint($0)),
                    showsState: false)
            }
        answers = JournalAnswers(paths, logger)
        keys = AdmittedKeys(folder, clock, logger)
    }

    /// Where it listens: the first of the two ports.
    public var address: RelayAddress { sockets.address }

    /// Serves until a stop is asked for.
    public func run(until stop: StopSignal) throws {
        service.ready()
        while !stop.isRaised { try turn(milliseconds: 250, stop: stop.descriptor) }
        service.stopping()
        logger.notice("Stopped")
    }

    /// Takes what has come from the bus and from clients; waits at most this long for the first message.
    /// - Parameter stop: a descriptor that ends the wait when it becomes readable.
    public func turn(milliseconds: Int, stop: Int32) throws {
        sockets.wait(for: sources.map(\.subscriber), milliseconds: milliseconds, stop: stop)
        for source in sources { passOn(source) }
        var handshakes = 0
        while handshakes < Relay.handshakeLimit, sockets.answerHandshake({ keys.name(of: $0, at: $1) }) {
            handshakes += 1
        }
        var served = 0
        while served < Relay.requestLimit, sockets.serve({ answers.answer(to: $0) }) { served += 1 }
        renewState()
        try lookAtKeys()
        service.status("listening at \(address)")
        service.progressed()
    }

    private func passOn(_ source: Source) {
        for _ in 0..<Relay.liveLimit {
            guard source.subscriber.receive({ sockets.send(source.topic, $0) }) else { return }
        }
    }

    /// A new client of what has no journal gets the present state, at most once a second.
    private func renewState() {
        sockets.takeSubscriptions { topic in
            for source in sources where source.showsState {
                let common = min(topic.count, source.topic.count)
                if source.topic.prefix(common).elementsEqual(topic.prefix(common)) { renewal.isWanted = true }
            }
        }
        let now = clock.monotonic()
        guard renewal.isWanted, now >= renewal.nextTime else { return }
        renewal = (now + UTCNanos.perSecond, false)
        for source in sources where source.showsState { source.subscriber.renew() }
    }

    /// libzmq cannot end one connection, so all end when a key is taken away: those that still may come back at once.
    private func lookAtKeys() throws {
        let now = clock.monotonic()
        guard now >= nextLook else { return }
        nextLook = now + UTCNanos.perSecond
        keys.logRefused(sockets.refusedPeers)
        let revoked = keys.revoked()
        guard !revoked.isEmpty else { return }
        logger.notice(
            "Key removed: every client must show its key again", metadata: ["keys": "\(revoked.joined(separator: " "))"]
        )
        try sockets.reopen()
    }
}

@available(*, unavailable)
extension Relay: Sendable {}
