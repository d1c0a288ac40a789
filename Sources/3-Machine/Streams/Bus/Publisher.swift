internal import CZeroMQ
internal import Glibc
public import Host

/// A PUB socket on a Unix path: sends to every subscriber. A subscriber that reads too slowly loses messages beyond
/// `queueLimit` and costs no more memory than that; or it is waited for, where `SlowReaders` says so.
///
/// - Note: Data thread only.
public final class Publisher {
    /// The `ipc://` address.
    public let endpoint: String
    private let socket: UnsafeMutableRawPointer
    private let context: BusContext
    private let lock: FileLock

    /// The treatment of a subscriber that does not keep up.
    public enum SlowReaders: Sendable {
        /// It loses messages. A stage never waits.
        case lose
        /// The publisher waits for it, until a stop is asked for.
        case areWaitedFor(until: StopSignal)
    }

    private let slowReaders: SlowReaders

    /// Messages kept for each subscriber; with 64-byte records about 10 MiB.
    public static let queueLimit: Int32 = 65_536

    /// The same where each message takes the place of an earlier one: half a minute of 28 pairs, about 3 MiB.
    private static let stateQueueLimit: Int32 = 8_192

    /// The longest message that a subscriber may send, in bytes: a subscription is a topic and one byte more.
    private static let subscriptionSizeMax: Int64 = 1_024

    /// Binds. A second bind would silently steal the path, so the lock beside it is taken first.
    /// - Parameter showsState: each message takes the place of an earlier one: new readers are reported (`hasNewReader`),
    ///   and slow ones lose early.
    /// - Throws: `Failure` (75) if another process publishes there; `BusError`.
    public init(
        context: BusContext, endpoint: String, slowReaders: SlowReaders = .lose, showsState: Bool = false
    ) throws {
        lock = try FileLock(path: String(endpoint.dropFirst("ipc://".count)) + ".lock")
        self.context = context
        self.endpoint = endpoint
        self.slowReaders = slowReaders
        // An XPUB socket reports subscriptions; its readers see no difference.
        socket = try context.socket(slowReaders.isLose && !showsState ? ZMQ_PUB : ZMQ_XPUB, endpoint: endpoint)
        if !slowReaders.isLose { setOption(socket, ZMQ_XPUB_NODROP, 1) }
        if showsState { setOption(socket, ZMQ_XPUB_VERBOSE, 1) }
        setOption(socket, ZMQ_SNDHWM, showsState ? Publisher.stateQueueLimit : Publisher.queueLimit)
        setOption(socket, ZMQ_LINGER, 1_000)
        setLargeOption(socket, ZMQ_MAXMSGSIZE, Publisher.subscriptionSizeMax)
        guard zmq_bind(socket, endpoint) == 0 else {
            let error = BusError("bind", endpoint)
            zmq_close(socket)
            throw error
        }
    }

    /// Sends one message.
    public func send(_ message: UnsafeRawBufferPointer) {
        guard let base = message.baseAddress else { return }
        send(base, message.count)
    }

    /// Sends each record of a run of records as one message.
    public func send(records: UnsafeRawBufferPointer, recordSize: Int) {
        guard let base = records.baseAddress else { return }
        var offset = 0
        while offset < records.count {
            send(base + offset, recordSize)
            offset += recordSize
        }
    }

    @inline(__always)
    private func send(_ base: UnsafeRawPointer, _ count: Int) {
        // Full queues aside, EINTR and a context that ends are the only failures; the journal has the record.
        guard zmq_send(socket, base, count, ZMQ_DONTWAIT) < 0, case .areWaitedFor(let stop) = slowReaders else {
            return
        }
        while !stop.wait(milliseconds: 1), zmq_send(socket, base, count, ZMQ_DONTWAIT) < 0 {}
    }

    /// Waits for a subscriber. Only if the publisher waits for slow readers.
    /// - Returns: false if a stop was asked for.
    public func waitForReader(until stop: StopSignal) -> Bool {
        var byte: UInt8 = 0
        // A subscription is a message that begins with 1.
        while !(zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT) > 0 && byte == 1) {
            if stop.wait(milliseconds: 10) { return false }
        }
        return true
    }

    /// Whether a reader subscribed since the last call. Only if the publisher shows state.
    public func hasNewReader() -> Bool {
        var byte: UInt8 = 0
        var isNew = false
        // A subscription is a message that begins with 1, its end one that begins with 0.
        while zmq_recv(socket, &byte, 1, ZMQ_DONTWAIT) > 0 { isNew = isNew || byte == 1 }
        return isNew
    }

    deinit { zmq_close(socket) }
}

extension Publisher.SlowReaders {
    fileprivate var isLose: Bool {
        if case .lose = self { true } else { false }
    }
}

@available(*, unavailable)
extension Publisher: Sendable {}
