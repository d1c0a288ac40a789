internal import CZeroMQ
public import Host
internal import Wire

/// What a relay sends live of one stream, record by record, without the stream's name before it.
///
/// - Note: One thread only.
public final class RemoteSubscriber: LiveSource {
    private let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let watch: RelayWatch
    private var message = zmq_msg_t()

    /// Connects, and does not wait for the connection: `receive` says if it fails.
    /// - Parameter name: of the stream, or `RelayMessage.statusName`.
    /// - Throws: `BusError` if no socket can be made, or the address is not valid.
    public init(context: BusContext, login: RelayLogin, name: String, clock: Clock) throws {
        self.context = context
        socket = try login.socket(ZMQ_SUB, context)
        watch = try RelayWatch(socket, context, login, clock)
        let topic = RelayMessage.topic(name)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, topic.count)
        zmq_msg_init(&message)
        guard zmq_connect(socket, login.address.liveEndpoint) == 0 else {
            throw BusError("connect to", login.address.liveEndpoint)
        }
    }

    deinit {
        zmq_msg_close(&message)
        zmq_close(socket)
    }

    public func wait(milliseconds: Int, stop: Int32) {
        var items = [
            zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
            zmq_pollitem_t(socket: watch.monitor, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
        ]
        if stop >= 0 { items.append(zmq_pollitem_t(socket: nil, fd: stop, events: Int16(ZMQ_POLLIN), revents: 0)) }
        zmq_poll(&items, Int32(items.count), milliseconds)
    }

    /// As `LiveSource`.
    /// - Throws: as `body`; `Failure` (77) if the relay refuses the key, (69) if it was never reached.
    public func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else {
            try watch.check()
            return false
        }
        let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
        try body(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(RelayMessage.topicSize)))
        return true
    }
}

@available(*, unavailable)
extension RemoteSubscriber: Sendable {}
