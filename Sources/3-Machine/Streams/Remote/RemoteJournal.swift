internal import CZeroMQ
public import Host
public import Logging
public import Wire

/// A stream's journal on another machine, as its relay reads it.
///
/// One request is under way at a time; what is not answered in time is asked again.
///
/// - Note: One thread only.
public final class RemoteJournal: JournalSource {
    public let name: String
    public let recordSize: Int
    public private(set) var nextPosition: UInt64 = 1
    public private(set) var missingPositions: UInt64 = 0
    public var batchRecords: Int { RelayAnswer.batchRecords(recordSize: recordSize) }

    private let stream: Wire.Stream
    private let context: BusContext
    private let socket: UnsafeMutableRawPointer
    private let watch: RelayWatch
    private let stop: Int32
    private let clock: Clock
    private let logger: Logger
    private var message = zmq_msg_t()
    private var pending: (request: RelayRequest, askedAt: Int64, isSent: Bool, isSilent: Bool)?

    /// One turn waits this long for an answer.
    private static let turnMilliseconds = 250
    private static let repeatNanoseconds: Int64 = 2_000_000_000

    /// Connects, and waits for the first answer.
    /// - Parameters:
    ///   - position: 0: the oldest that there is; `RelayMessage.endPosition`: from the present end on.
    ///   - stop: a descriptor that ends every wait when it becomes readable.
    /// - Throws: `Failure` (77) if the relay refuses the key, (69) if it is not reached, (75) if a stop comes first.
    public init(
        context: BusContext, login: RelayLogin, stream: Wire.Stream, from position: UInt64, stop: Int32, clock: Clock,
        logger: Logger
    ) throws {
        (self.context, self.stream, self.stop, self.clock, self.logger) = (context, stream, stop, clock, logger)
        name = "\(stream.rawValue) at \(login.address)"
        recordSize = stream.recordSize
        socket = try login.socket(ZMQ_DEALER, context)
        watch = try RelayWatch(socket, context, login, clock)
        zmq_msg_init(&message)
        // While the relay is away, requests must not wait: it would get them all at once.
        setOption(socket, ZMQ_IMMEDIATE, 1)
        guard zmq_connect(socket, login.address.requestEndpoint) == 0 else {
            throw BusError("connect to", login.address.requestEndpoint)
        }
        nextPosition = try firstPosition(position)
    }

    deinit {
        zmq_msg_close(&message)
        zmq_close(socket)
    }

    private func firstPosition(_ position: UInt64) throws -> UInt64 {
        let isNamed = position > 0 && position < RelayMessage.endPosition
        let request = RelayRequest(stream, from: isNamed ? RelayMessage.endPosition : position)
        while !isStopped {
            var first: UInt64?
            if let answer = try ask(request, { first = $0.isEmpty ? nil : RecordBytes.position($0) }) {
                return isNamed ? position : max(1, first ?? answer.next)
            }
        }
        throw Failure(.temporary, "stopped before \(name) answered")
    }

    private var isStopped: Bool {
        var item = zmq_pollitem_t(socket: nil, fd: stop, events: Int16(ZMQ_POLLIN), revents: 0)
        return stop >= 0 && zmq_poll(&item, 1, 0) > 0
    }

    public func skip(to position: UInt64) {
        guard position > nextPosition else { return }
        nextPosition = position
        pending = nil
    }

    public func readBatch(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int? {
        let from = nextPosition
        var count = 0
        let answer = try ask(RelayRequest(stream, from: from)) { records in
            guard !records.isEmpty else { return }
            let first = try check(records, from: from)
            missingPositions += first - from
            count = records.count / recordSize
            nextPosition = first + UInt64(count)
            try body(records)
        }
        guard let answer else { return nil }
        if answer.kind == .gone {
            guard answer.next > from else { throw notValid(from) }
            missingPositions += answer.next - from
            nextPosition = answer.next
            return nil
        }
        return count
    }

    /// - Returns: the position of the first record.
    private func check(_ records: UnsafeRawBufferPointer, from: UInt64) throws -> UInt64 {
        let first = RecordBytes.position(records)
        for (number, start) in stride(from: 0, to: records.count, by: recordSize).enumerated() {
            let record = UnsafeRawBufferPointer(rebasing: records[start..<(start + recordSize)])
            guard first >= from, RecordBytes.isValid(record), RecordBytes.position(record) == first + UInt64(number)
            else { throw notValid(from) }
        }
        return first
    }

    private func notValid(_ from: UInt64) -> Failure {
        Failure(
            .badData,
            "\(name): the relay's answer to position \(from) is not valid: do both machines run the same version?")
    }

    // MARK: - Requests

    /// Asks, unless this is under way, and waits a turn for the answer.
    /// - Parameter take: gets the records.
    /// - Returns: `nil` if it did not come.
    private func ask(
        _ request: RelayRequest, _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> RelayAnswer? {
        try send(request)
        var items = [
            zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
            zmq_pollitem_t(socket: watch.monitor, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
        ]
        if stop >= 0 { items.append(zmq_pollitem_t(socket: nil, fd: stop, events: Int16(ZMQ_POLLIN), revents: 0)) }
        zmq_poll(&items, Int32(items.count), RemoteJournal.turnMilliseconds)
        try watch.check()
        while zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 {
            let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
            guard let answer = RelayAnswer(bytes: bytes), answer.request == request else { continue }
            pending = nil
            let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(RelayAnswer.headSize))
            if answer.kind == .failed {
                throw Failure(.unavailable, "\(name): the relay says: \(String(decoding: rest, as: UTF8.self))")
            }
            if answer.kind == .read { try take(rest) }
            return answer
        }
        return nil
    }

    private func send(_ request: RelayRequest) throws {
        let now = clock.monotonic()
        var next = (request: request, askedAt: now, isSent: false, isSilent: false)
        if let pending, pending.request == request {
            next = pending
            if now - pending.askedAt >= RemoteJournal.repeatNanoseconds {
                (next.askedAt, next.isSent, next.isSilent) = (now, false, true)
                if !pending.isSilent {
                    logger.error(
                        "The relay does not answer: asking again until it does", metadata: ["stream": "\(name)"])
                }
            }
        }
        let bytes = request.bytes
        if !next.isSent { next.isSent = zmq_send(socket, bytes, bytes.count, ZMQ_DONTWAIT) >= 0 }
        pending = next
    }
}

@available(*, unavailable)
extension RemoteJournal: Sendable {}
