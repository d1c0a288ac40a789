internal import CZeroMQ
internal import Glibc
internal import Host

/// A REP socket on a Unix path: takes one request after the other, for the owner's processes alone.
///
/// - Note: One thread only.
public final class Responder {
    public let endpoint: String
    private let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let lock: FileLock
    private static let requestSizeMax: Int64 = 16_384

    /// - Throws: `Failure` (75) if another process answers there; `BusError`.
    public init(context: BusContext, endpoint: String) throws {
        let path = String(endpoint.dropFirst("ipc://".count))
        lock = try FileLock(path: path + ".lock")
        (self.context, self.endpoint) = (context, endpoint)
        socket = try context.socket(ZMQ_REP, endpoint: endpoint)
        setOption(socket, ZMQ_LINGER, 1_000)
        setLargeOption(socket, ZMQ_MAXMSGSIZE, Responder.requestSizeMax)
        // For the owner alone from its first moment on.
        let mask = umask(0o177)
        let isBound = zmq_bind(socket, endpoint) == 0
        umask(mask)
        guard isBound else {
            let error = BusError("bind", endpoint)
            zmq_close(socket)
            throw error
        }
    }

    /// A request that is there; `nil` where none is. Must be replied to before the next one.
    public func receive() -> [UInt8]? { message(from: socket) }

    public func reply(_ bytes: [UInt8]) { _ = zmq_send(socket, bytes, bytes.count, 0) }

    deinit { zmq_close(socket) }
}

@available(*, unavailable)
extension Responder: Sendable {}

/// A REQ socket: asks one question and takes the answer.
///
/// - Note: One thread only.
public final class Requester {
    private let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let endpoint: String

    /// - Throws: `Failure` (77) if the socket is another user's, (69) if it is missing; `BusError`.
    public init(context: BusContext, endpoint: String) throws {
        let path = String(endpoint.dropFirst("ipc://".count))
        // Otherwise it would be tried again for ever.
        try expectAccess(toSocketOf: endpoint)
        guard access(path, R_OK | W_OK) == 0 else { throw Failure(.unavailable, "\(path): \(systemMessage(errno))") }
        (self.context, self.endpoint) = (context, endpoint)
        socket = try context.socket(ZMQ_REQ, endpoint: endpoint)
        setOption(socket, ZMQ_LINGER, 0)
        guard zmq_connect(socket, endpoint) == 0 else {
            let error = BusError("connect to", endpoint)
            zmq_close(socket)
            throw error
        }
    }

    public func send(_ request: [UInt8]) throws(BusError) {
        guard zmq_send(socket, request, request.count, 0) >= 0 else { throw BusError("ask", endpoint) }
    }

    /// - Returns: `nil` if the answer did not come in time.
    public func answer(milliseconds: Int) -> [UInt8]? {
        var item = zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        return zmq_poll(&item, 1, milliseconds) > 0 ? message(from: socket) : nil
    }

    deinit { zmq_close(socket) }
}

@available(*, unavailable)
extension Requester: Sendable {}

/// A message that is already there.
private func message(from socket: UnsafeMutableRawPointer) -> [UInt8]? {
    var message = zmq_msg_t()
    zmq_msg_init(&message)
    defer { zmq_msg_close(&message) }
    guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else { return nil }
    return Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message)))
}
