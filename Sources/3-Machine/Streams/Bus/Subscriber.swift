internal import CZeroMQ
internal import Host

/// A SUB socket: receives the messages whose first bytes equal one of its topics, from one publisher that
/// may come and go. Reconnects by itself while it is polled.
///
/// - Note: One thread only.
public final class Subscriber {
    public let endpoint: String
    let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let topics: [String]
    private var message = zmq_msg_t()

    /// - Parameter topics: prefixes; an empty one stands for all.
    /// - Throws: `Failure` (77) if the socket is another user's; `BusError`.
    public init(context: BusContext, endpoint: String, topics: [String] = [""]) throws {
        // ZeroMQ would try again for ever without a word.
        try expectAccess(toSocketOf: endpoint)
        self.context = context
        self.endpoint = endpoint
        self.topics = topics
        socket = try context.socket(ZMQ_SUB, endpoint: endpoint)
        setOption(socket, ZMQ_RCVHWM, Publisher.queueLimit)
        setOption(socket, ZMQ_LINGER, 0)
        for topic in topics { zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, topic.utf8.count) }
        guard zmq_connect(socket, endpoint) == 0 else {
            let error = BusError("connect to", endpoint)
            zmq_close(socket)
            throw error
        }
        zmq_msg_init(&message)
    }

    /// Subscribes anew, so that a publisher that shows state sends all of it.
    public func renew() {
        for operation in [ZMQ_UNSUBSCRIBE, ZMQ_SUBSCRIBE] {
            for topic in topics { zmq_setsockopt(socket, operation, topic, topic.utf8.count) }
        }
    }

    /// Waits until a message is there, `stop` becomes readable, or the time is over.
    public func wait(milliseconds: Int, stop: Int32) {
        _ = Subscriber.wait(for: [self], milliseconds: milliseconds, stop: stop)
    }

    /// Waits for any of several; see `wait(milliseconds:stop:)`.
    public static func wait(for subscribers: [Subscriber], milliseconds: Int, stop: Int32 = -1) -> Bool {
        var items = subscribers.map { zmq_pollitem_t(socket: $0.socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0) }
        if stop >= 0 { items.append(zmq_pollitem_t(socket: nil, fd: stop, events: Int16(ZMQ_POLLIN), revents: 0)) }
        return zmq_poll(&items, Int32(items.count), milliseconds) > 0
    }

    /// Hands out one message that is already there. Its bytes are valid during the call.
    /// - Returns: false where none is.
    @discardableResult
    public func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows -> Bool {
        guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else { return false }
        try body(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message)))
        return true
    }

    deinit {
        zmq_msg_close(&message)
        zmq_close(socket)
    }
}

@available(*, unavailable)
extension Subscriber: Sendable {}
