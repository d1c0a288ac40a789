internal import NIOCore

/// A connection that a session is bound to: cuts what is sent into frames, and knows what is due on it. The caller
/// gives it the time (monotonic nanoseconds), as it does to the session.
final class BoundConnection {
    enum Due {
        case nothing
        /// The client is to bind again.
        case rebind
        case line(String)
    }

    let outlet: any StreamOutlet
    let binding: Binding
    /// Notifications that earlier polls have delivered.
    private let polledFrom: Int
    private let boundAt: Int64
    private var lastSent: Int64
    private var lastSync: Int64
    private var sentBytes = 0
    /// The end of a line is yet to be sent: a fault.
    private var isInLine = false

    /// The largest frame. Source: TLCP § WebSocket.
    private static let frameBytes = 16_384
    /// Room kept in an HTTP response for one more line and `LOOP`.
    private static let lineRoom = 1_500
    private static let syncNanos: Int64 = 20_000_000_000

    init(_ outlet: any StreamOutlet, _ binding: Binding, polledFrom: Int, now: Int64) {
        (self.outlet, self.binding, self.polledFrom) = (outlet, binding, polledFrom)
        (boundAt, lastSent, lastSync) = (now, now, now)
    }

    /// Cuts what is longer than a frame into frames.
    func send(_ lines: ByteBuffer, now: Int64) {
        endLine()
        sentBytes += lines.readableBytes
        lastSent = now
        var rest = lines
        while let frame = rest.readSlice(length: min(rest.readableBytes, Self.frameBytes)), frame.readableBytes > 0 {
            outlet.send(frame)
        }
    }

    /// Whether an HTTP response has no room for more than these bytes.
    func isFull(with waiting: Int) -> Bool {
        binding.contentLength.map { sentBytes + waiting + Self.lineRoom > $0 } ?? false
    }

    /// Sends more of a line that never ends.
    func drip(_ count: Int) {
        guard !binding.isPolling, outlet.isWritable else { return }
        outlet.send(ByteBuffer(string: (isInLine ? "" : "NOOP,") + String(repeating: ".", count: count)))
        outlet.flush()
        isInLine = true
    }

    /// Ends such a line, as a `NOOP`.
    func endLine() {
        guard isInLine else { return }
        isInLine = false
        outlet.send(ByteBuffer(string: "\r\n"))
        outlet.flush()
    }

    /// Keep-alive, `SYNC`, and the end of a poll's patience.
    func due(now: Int64, withholdsProbes: Bool) -> Due {
        if binding.isPolling { return now >= boundAt + Int64(binding.idleMillis) * 1_000_000 ? .rebind : .nothing }
        if withholdsProbes { return .nothing }
        if binding.sendsSync, now - lastSync >= Self.syncNanos {
            lastSync = now
            return .line("SYNC,\((now - boundAt) / 1_000_000_000)")
        }
        return now - lastSent >= Int64(binding.keepaliveMillis) * 1_000_000 ? .line("PROBE") : .nothing
    }

    /// A poll is over once it has delivered something, or if it may not wait.
    /// - Parameter sent: notifications so far.
    func isPollDone(sent: Int) -> Bool { binding.isPolling && (sent > polledFrom || binding.idleMillis == 0) }
}
