internal import CZeroMQ
internal import Host

/// How a client reaches a relay: where it is, its key, and the client's own.
public struct RelayLogin: Sendable {
    public let address: RelayAddress
    public let serverKey: CurveKey
    public let pair: CurvePair

    public init(address: RelayAddress, serverKey: CurveKey, pair: CurvePair) {
        (self.address, self.serverKey, self.pair) = (address, serverKey, pair)
    }

    /// More than any message of a relay has.
    private static let messageSizeMax: Int64 = 1 << 20

    /// A socket that will connect to the relay.
    func socket(_ kind: Int32, _ context: BusContext) throws(BusError) -> UnsafeMutableRawPointer {
        let socket = try context.socket(kind, endpoint: "\(address)")
        setOption(socket, ZMQ_LINGER, 0)
        setOption(socket, ZMQ_RCVHWM, Publisher.queueLimit)
        setLargeOption(socket, ZMQ_MAXMSGSIZE, RelayLogin.messageSizeMax)
        setOption(socket, ZMQ_IPV6, address.isIPv6 ? 1 : 0)
        setOption(socket, ZMQ_RECONNECT_IVL, 250)
        setOption(socket, ZMQ_RECONNECT_IVL_MAX, 5_000)
        setOption(socket, ZMQ_HANDSHAKE_IVL, 10_000)
        // A connection may die in silence.
        setOption(socket, ZMQ_HEARTBEAT_IVL, 5_000)
        setOption(socket, ZMQ_HEARTBEAT_TIMEOUT, 15_000)
        setText(socket, ZMQ_CURVE_SERVERKEY, serverKey.description)
        setText(socket, ZMQ_CURVE_PUBLICKEY, pair.publicKey.description)
        setText(socket, ZMQ_CURVE_SECRETKEY, pair.secret.reveal())
        return socket
    }
}

/// Watches a client's connection to a relay, so that it can say why nothing comes.
///
/// - Note: One thread only.
final class RelayWatch {
    let monitor: UnsafeMutableRawPointer
    /// Ends behind the monitor: its end waits for every socket of it.
    private let context: BusContext
    private let login: RelayLogin
    private let clock: Clock
    private let deadline: Int64
    private var hasConnected = false
    /// Handshakes that failed one after the other.
    private var failures = 0

    /// The longest wait for the first connection.
    private static let patience: Int64 = 10_000_000_000

    init(_ socket: UnsafeMutableRawPointer, _ context: BusContext, _ login: RelayLogin, _ clock: Clock) throws {
        (self.context, self.login, self.clock) = (context, login, clock)
        deadline = clock.monotonic() + RelayWatch.patience
        let endpoint = "inproc://monitor-\(UInt(bitPattern: socket))"
        let events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | RelayWatch.failed
        guard zmq_socket_monitor(socket, endpoint, events) == 0 else { throw BusError("watch", "\(login.address)") }
        monitor = try context.socket(ZMQ_PAIR, endpoint: endpoint)
        setOption(monitor, ZMQ_LINGER, 0)
        zmq_connect(monitor, endpoint)
    }

    // The watched socket ends its side when it is closed.
    deinit { zmq_close(monitor) }

    private static let failed =
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL

    /// Takes what happened to the connection.
    /// - Throws: `Failure` (77) if the relay refuses the key; (69) if it was never reached and the time is over, or has
    ///   another key.
    func check() throws {
        while let event = nextEvent() { try take(event) }
        guard !hasConnected, clock.monotonic() > deadline else { return }
        throw Failure(
            .unavailable,
            "no relay answers at \(login.address): does candlewick-relay run there, and do both ports, "
                + "\(login.address.port) and \(login.address.port + 1), let connections in?")
    }

    private func take(_ event: Int32) throws {
        switch event {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: (hasConnected, failures) = (true, 0)
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            throw Failure(
                .notPermitted,
                "the relay at \(login.address) refuses this key: on its machine, candlewick keys allow "
                    + "'\(login.pair.publicKey)' NAME")
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            failures += 1
            guard !hasConnected, failures >= 3 else { return }
            throw Failure(
                .unavailable,
                "the relay at \(login.address) ends the connection before any key of ours counts: the server's key is "
                    + "not the one of keys/server.key_public there, or another program listens there")
        default: break
        }
    }

    /// The number of the next event.
    private func nextEvent() -> Int32? {
        var bytes: (UInt16, UInt32) = (0, 0)
        guard zmq_recv(monitor, &bytes, 6, ZMQ_DONTWAIT) >= 2 else { return nil }
        // The endpoint.
        zmq_recv(monitor, nil, 0, ZMQ_DONTWAIT)
        return Int32(bytes.0)
    }
}

@available(*, unavailable)
extension RelayWatch: Sendable {}
