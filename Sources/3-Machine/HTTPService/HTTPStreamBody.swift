internal import NIOCore
internal import Synchronization

/// The body of an answer that goes on: gathers what any thread sends, until the outbox takes it along.
final class HTTPStreamBody: HTTPStream {
    private struct State {
        var waiting: [[UInt8]] = []
        /// Bytes that wait here, or that the system has not taken yet.
        var unsent = 0
        var isQueued = false
        var isOver = false
        /// The last bytes wait: the stream ends behind them.
        var isClosing = false
        var endings: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let connection: NIOLoopBound<HTTPConnection>
    private let outbox: HTTPOutbox

    init(_ connection: HTTPConnection, _ outbox: HTTPOutbox) {
        self.connection = NIOLoopBound(connection, eventLoop: outbox.loop)
        self.outbox = outbox
    }

    func send(_ bytes: [UInt8]) -> Bool {
        enum Outcome { case waits, isQueued, isCutOff, isGone }
        let outcome: Outcome = state.withLock { state in
            if state.isOver || state.isClosing { return .isGone }
            guard outbox.hasRoom(for: bytes.count, unsent: state.unsent) else {
                state.isOver = true
                return .isCutOff
            }
            state.waiting.append(bytes)
            state.unsent += bytes.count
            outbox.unsent.add(bytes.count, ordering: .relaxed)
            defer { state.isQueued = true }
            return state.isQueued ? .isQueued : .waits
        }
        switch outcome {
        case .isGone: return false
        case .isQueued: return true
        case .waits:
            outbox.add(self)
            return true
        case .isCutOff:
            outbox.loop.execute { self.connection.value.endStream(isCutOff: true) }
            return false
        }
    }

    func close() {
        let wasQueued = state.withLock { state in
            state.isClosing = true
            defer { state.isQueued = true }
            return state.isQueued
        }
        if !wasQueued { outbox.add(self) }
    }

    func onClose(_ body: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.isOver { state.endings.append(body) }
            return state.isOver
        }
        if isOver { body() }
    }

    // MARK: Event loop

    /// Hands what has gathered to the system.
    func flush() {
        let (waiting, isClosing) = state.withLock { state in
            defer { (state.waiting, state.isQueued) = ([], false) }
            return (state.isOver ? [] : state.waiting, state.isClosing && !state.isOver)
        }
        let count = waiting.reduce(0) { $0 + $1.count }
        if count > 0 {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            for bytes in waiting { buffer.writeBytes(bytes) }
            connection.value.send(buffer) { self.sent(count) }
        }
        if isClosing { connection.value.endStream(isCutOff: false) }
    }

    private func sent(_ count: Int) {
        let left: Int? = state.withLock { state in
            if state.isOver { return nil }
            state.unsent -= count
            return state.unsent
        }
        guard let left else { return }
        outbox.unsent.subtract(count, ordering: .relaxed)
        connection.value.streamMoved(hasMore: left > 0)
    }

    /// The client is gone, or the last bytes are on their way.
    func ended() {
        let (endings, unsent) = state.withLock { state in
            state.isOver = true
            defer { (state.endings, state.waiting) = ([], []) }
            return (state.endings, state.unsent)
        }
        outbox.unsent.subtract(unsent, ordering: .relaxed)
        for ending in endings { ending() }
    }
}

/// The streams that have something to send: one turn of the event loop takes all along.
final class HTTPOutbox: Sendable {
    private struct State {
        var streams: [HTTPStreamBody] = []
        var lastFlush = Int64.min
    }

    let loop: any EventLoop
    /// Bytes of all streams that no client has taken yet.
    let unsent = Atomic(0)
    private let state = Mutex(State())
    private let limits: HTTPLimits
    private let monotonic: @Sendable () -> Int64

    /// Between two turns: with hundreds of ticks a second, each write takes several along.
    private static let spacing: Int64 = 5_000_000

    init(loop: any EventLoop, limits: HTTPLimits, monotonic: @escaping @Sendable () -> Int64) {
        (self.loop, self.limits, self.monotonic) = (loop, limits, monotonic)
    }

    func hasRoom(for count: Int, unsent own: Int) -> Bool {
        let isUnderPressure = unsent.load(ordering: .relaxed) + count > limits.unsentBytes
        return own + count <= (isUnderPressure ? limits.streamBytesUnderPressure : limits.streamBytes)
    }

    func add(_ stream: HTTPStreamBody) {
        let (isFirst, lastFlush) = state.withLock { state in
            state.streams.append(stream)
            return (state.streams.count == 1, state.lastFlush)
        }
        guard isFirst else { return }
        let now = monotonic()
        if now - HTTPOutbox.spacing >= lastFlush {
            loop.execute { self.flush() }
        } else {
            loop.scheduleTask(in: .nanoseconds(lastFlush + HTTPOutbox.spacing - now)) { self.flush() }
        }
    }

    private func flush() {
        let now = monotonic()
        let streams = state.withLock { state in
            defer { (state.streams, state.lastFlush) = ([], now) }
            return state.streams
        }
        for stream in streams { stream.flush() }
    }
}
