internal import CZeroMQ
internal import Glibc
internal import Host

/// A PUB socket on a Unix path: sends to whoever listens, never waits. A subscriber that reads too slowly
/// loses messages beyond `queueLimit` and costs no more memory than that.
///
/// - Note: Data thread only.
public final class Publisher {
    /// The `ipc://` address.
    public let endpoint: String
    private let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let lock: FileLock

    /// Messages kept for each subscriber; with 64-byte records about 10 MiB.
    public static let queueLimit: Int32 = 65_536

    /// Binds. A second bind would silently steal the path, so the lock beside it is taken first.
    /// - Throws: `Failure` (75) where another process publishes there; `BusError`.
    public init(context: BusContext, endpoint: String) throws {
        lock = try FileLock(path: String(endpoint.dropFirst("ipc://".count)) + ".lock")
        self.context = context
        self.endpoint = endpoint
        socket = try context.socket(ZMQ_PUB, endpoint: endpoint)
        setOption(socket, ZMQ_SNDHWM, Publisher.queueLimit)
        setOption(socket, ZMQ_LINGER, 1_000)
        guard zmq_bind(socket, endpoint) == 0 else {
            let error = BusError("bind", endpoint)
            zmq_close(socket)
            throw error
        }
    }

    /// Sends one message. What cannot be queued for a subscriber is dropped for that one.
    public func send(_ message: UnsafeRawBufferPointer) {
        // EINTR and a context that ends are the only failures; the journal has the record.
        _ = zmq_send(socket, message.baseAddress, message.count, ZMQ_DONTWAIT)
    }

    /// Sends each record of a run of records as one message.
    public func send(records: UnsafeRawBufferPointer, recordSize: Int) {
        guard let base = records.baseAddress else { return }
        var offset = 0
        while offset < records.count {
            _ = zmq_send(socket, base + offset, recordSize, ZMQ_DONTWAIT)
            offset += recordSize
        }
    }

    deinit { zmq_close(socket) }
}

@available(*, unavailable)
extension Publisher: Sendable {}
