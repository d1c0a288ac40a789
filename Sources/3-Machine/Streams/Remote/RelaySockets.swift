internal import CPlatform
internal import CZeroMQ
public import Host
internal import Wire

/// The sockets of a relay: what comes live goes out on one, requests for stretches come in on the other, both over TCP
/// and with CURVE; and the one on which libzmq asks whether a key may connect (ZAP, ZeroMQ RFC 27).
///
/// - Note: One thread only.
public final class RelaySockets {
    /// Messages that wait for a client before it loses them: half a minute at 300 records a second.
    static let liveQueueLimit: Int32 = 8_192
    /// Answers that wait for a client; while they do, its further requests are not answered.
    static let answerQueueLimit: Int32 = 2
    /// Requests of a client that wait to be answered.
    static let requestQueueLimit: Int32 = 16

    private static let messageSizeMax: Int64 = 1_024
    private static let heartbeatMilliseconds: Int32 = 5_000
    private static let silenceMilliseconds: Int32 = 15_000
    /// A client that takes nothing for so long is cut off, even if its machine says that it is alive.
    private static let stallMilliseconds: Int32 = 30_000
    /// How long a port may be taken by our own former sockets.
    private static let reopenNanoseconds: Int64 = 5_000_000_000

    /// With the port that was free, if none was named.
    public private(set) var address: RelayAddress
    private let context: BusContext
    private let pair: CurvePair
    private let clock: Clock
    private let zap: UnsafeMutableRawPointer
    private var live: UnsafeMutableRawPointer?
    private var requests: UnsafeMutableRawPointer?
    private var message = zmq_msg_t()

    /// - Throws: `BusError` if the address cannot be bound.
    public init(context: BusContext, address: RelayAddress, pair: CurvePair, clock: Clock) throws {
        (self.context, self.address, self.pair, self.clock) = (context, address, pair, clock)
        // Before the others: without it every key would be let in.
        zap = try context.socket(ZMQ_REP, endpoint: "inproc://zeromq.zap.01")
        zmq_msg_init(&message)
        setOption(zap, ZMQ_LINGER, 0)
        guard zmq_bind(zap, "inproc://zeromq.zap.01") == 0 else { throw BusError("bind", "inproc://zeromq.zap.01") }
        if address.port == 0 { try bindFreePorts() } else { try bind() }
    }

    deinit {
        closePorts()
        zmq_close(zap)
        zmq_msg_close(&message)
        candlewick_gate_network(0)
    }

    /// Ends all connections and binds again: every client shows its key anew.
    /// - Throws: `BusError` if another process has taken a port meanwhile.
    public func reopen() throws {
        closePorts()
        let deadline = clock.monotonic() + RelaySockets.reopenNanoseconds
        while true {
            do {
                return try bind()
            } catch {
                guard error.isInUse, clock.monotonic() < deadline else { throw error }
                zmq_poll(nil, 0, 10)
            }
        }
    }

    private func closePorts() {
        for socket in [live, requests] { if let socket { zmq_close(socket) } }
        (live, requests) = (nil, nil)
    }

    private func bindFreePorts() throws {
        for attempt in 1... {
            do {
                try bind()
                return
            } catch {
                guard error.isInUse, attempt < 50 else { throw error }
                address = RelayAddress(host: address.host, port: 0)
            }
        }
    }

    private func bind() throws(BusError) {
        do {
            candlewick_gate_network(address.port)
            let live = try open(ZMQ_XPUB, address.liveEndpoint, queueLimit: RelaySockets.liveQueueLimit)
            self.live = live
            setOption(live, ZMQ_XPUB_VERBOSE, 1)
            try bind(live, address.liveEndpoint)
            if address.port == 0 { address = RelayAddress(host: address.host, port: RelaySockets.port(of: live)) }
            candlewick_gate_network(address.port)
            let requests = try open(ZMQ_ROUTER, address.requestEndpoint, queueLimit: RelaySockets.answerQueueLimit)
            self.requests = requests
            setOption(requests, ZMQ_ROUTER_MANDATORY, 1)
            setOption(requests, ZMQ_RCVHWM, RelaySockets.requestQueueLimit)
            try bind(requests, address.requestEndpoint)
        } catch {
            closePorts()
            throw error
        }
    }

    private func bind(_ socket: UnsafeMutableRawPointer, _ endpoint: String) throws(BusError) {
        guard zmq_bind(socket, endpoint) == 0 else { throw BusError("bind", endpoint) }
    }

    /// The port that the system gave.
    private static func port(of socket: UnsafeMutableRawPointer) -> UInt16 {
        var text = [CChar](repeating: 0, count: 256)
        var size = text.count
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &size)
        let endpoint = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The last port has none behind it.
        return endpoint.split(separator: ":").last.flatMap { UInt16($0) }.map { min($0, .max - 1) } ?? 0
    }

    private func open(
        _ kind: Int32, _ endpoint: String, queueLimit: Int32
    ) throws(BusError) -> UnsafeMutableRawPointer {
        let socket = try context.socket(kind, endpoint: endpoint)
        setOption(socket, ZMQ_LINGER, 0)
        setOption(socket, ZMQ_SNDHWM, queueLimit)
        setLargeOption(socket, ZMQ_MAXMSGSIZE, RelaySockets.messageSizeMax)
        setOption(socket, ZMQ_IPV6, address.isIPv6 ? 1 : 0)
        setOption(socket, ZMQ_HANDSHAKE_IVL, 10_000)
        setOption(socket, ZMQ_HEARTBEAT_IVL, RelaySockets.heartbeatMilliseconds)
        setOption(socket, ZMQ_HEARTBEAT_TIMEOUT, RelaySockets.silenceMilliseconds)
        setOption(socket, ZMQ_TCP_MAXRT, RelaySockets.stallMilliseconds)
        setOption(socket, ZMQ_CURVE_SERVER, 1)
        setText(socket, ZMQ_ZAP_DOMAIN, "candlewick")
        setText(socket, ZMQ_CURVE_SECRETKEY, pair.secret.reveal())
        return socket
    }

    /// Connections that were turned away or cut off, since the process started.
    public var refusedPeers: UInt64 { candlewick_peers_refused() }

    // MARK: - Turns

    /// Waits until something came from a client or one of these, `stop` becomes readable, or the time is over.
    public func wait(for subscribers: [Subscriber], milliseconds: Int, stop: Int32) {
        var items = ([zap, live, requests].compactMap { $0 } + subscribers.map(\.socket)).map {
            zmq_pollitem_t(socket: $0, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        }
        items.append(zmq_pollitem_t(socket: nil, fd: stop, events: Int16(ZMQ_POLLIN), revents: 0))
        zmq_poll(&items, Int32(items.count), milliseconds)
    }

    /// Sends one record to all who subscribed to it; those whose queue is full lose it.
    /// - Parameter topic: stands before the record.
    public func send(_ topic: [UInt8], _ record: UnsafeRawBufferPointer) {
        var message = zmq_msg_t()
        guard let live, zmq_msg_init_size(&message, topic.count + record.count) == 0 else { return }
        let bytes = UnsafeMutableRawBufferPointer(start: zmq_msg_data(&message), count: topic.count + record.count)
        bytes.copyBytes(from: topic)
        UnsafeMutableRawBufferPointer(rebasing: bytes[topic.count...]).copyMemory(from: record)
        if zmq_msg_send(&message, live, ZMQ_DONTWAIT) < 0 { zmq_msg_close(&message) }
    }

    /// Takes what clients subscribed to since the last call.
    /// - Parameter body: gets each topic.
    public func takeSubscriptions(_ body: (UnsafeRawBufferPointer) -> Void) {
        while let live, zmq_msg_recv(&message, live, ZMQ_DONTWAIT) >= 0 {
            let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
            // A subscription is a message that begins with 1, its end one that begins with 0.
            if bytes.first == 1 { body(UnsafeRawBufferPointer(rebasing: bytes.dropFirst())) }
        }
    }

    /// Answers one request, unless two answers wait for its client: then it is dropped, and the client asks again.
    /// - Parameter answer: of a request's bytes; not called if the answer could not be sent.
    /// - Returns: false if there is no request.
    public func serve(_ answer: (UnsafeRawBufferPointer) throws -> [UInt8]) rethrows -> Bool {
        guard let requests, zmq_msg_recv(&message, requests, ZMQ_DONTWAIT) >= 0 else { return false }
        var client = zmq_msg_t()
        zmq_msg_init(&client)
        zmq_msg_move(&client, &message)
        defer { zmq_msg_close(&client) }
        guard zmq_msg_recv(&message, requests, ZMQ_DONTWAIT) >= 0 else { return true }
        let request = Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message)))
        let isWhole = zmq_msg_more(&message) == 0
        while zmq_msg_more(&message) != 0, zmq_msg_recv(&message, requests, ZMQ_DONTWAIT) >= 0 {}
        guard zmq_msg_send(&client, requests, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 else { return true }
        let reply = isWhole ? try request.withUnsafeBytes(answer) : RelayAnswer.refusal("a request has one part")
        zmq_send(requests, reply, reply.count, ZMQ_DONTWAIT)
        return true
    }

    /// Answers libzmq whether one key may connect.
    /// - Parameter nameOf: of a key and the address that it comes from, the name under which it may; `nil`: refused.
    /// - Returns: false if libzmq does not ask.
    public func answerHandshake(_ nameOf: (CurveKey, String) -> String?) -> Bool {
        var parts: [[UInt8]] = []
        repeat {
            guard zmq_msg_recv(&message, zap, ZMQ_DONTWAIT) >= 0 else { return false }
            parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
        } while zmq_msg_more(&message) != 0
        // Version, id, domain, address, routing id, mechanism, key.
        let isCurve = parts.count == 7 && parts[5] == Array("CURVE".utf8)
        let key = isCurve ? CurveKey(bytes: parts[6]) : nil
        let name = key.flatMap { nameOf($0, String(decoding: parts[3], as: UTF8.self)) }
        let answer = ["1.0", nil, name == nil ? "400" : "200", name == nil ? "key not allowed" : "", name ?? "", ""]
        for (number, text) in answer.enumerated() {
            let bytes = text.map { Array($0.utf8) } ?? (parts.count > 1 ? parts[1] : [])
            zmq_send(zap, bytes, bytes.count, number < answer.count - 1 ? ZMQ_SNDMORE : 0)
        }
        return true
    }
}

@available(*, unavailable)
extension RelaySockets: Sendable {}
