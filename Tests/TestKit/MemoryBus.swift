internal import Foundation
public import Streams
public import Wire

/// A bus inside one process. Each topic of a stream has one subscriber at a time, with a queue of its own. By its seed it
/// may lose, repeat, reorder and garble messages of those who subscribe to all records.
public final class MemoryBus: Bus {
    final class Queue: LiveSource {
        fileprivate(set) var messages: [[UInt8]] = []

        func wait(milliseconds: Int, stop: Int32) {}

        func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
            guard !messages.isEmpty else { return false }
            try messages.removeFirst().withUnsafeBytes { try body($0) }
            return true
        }
    }

    /// A queue of this length takes nothing more, as at ZeroMQ's high-water mark.
    private static let queueLimit = 200

    private var queues: [Wire.Stream: Queue] = [:]
    /// Of those who want a topic alone.
    private var topicQueues: [Wire.Stream: [String: Queue]] = [:]
    /// Streams that a reader subscribed to since their publisher looked.
    private var greeted: Set<Wire.Stream> = []
    private var random: SplitMix
    /// Of a thousand messages, so many meet each fault.
    public var faultRate = 0
    /// Takes each message, or run of records, that a stage publishes, whatever becomes of it here.
    public var published: (UnsafeRawBufferPointer, Wire.Stream) -> Void = { _, _ in }
    /// The JSON of each status, oldest first.
    private var statusTexts: [Stage: [Data]] = [:]
    /// The statuses of each stage, oldest first.
    public var statuses: [Stage: [StageStatus]] {
        // One that cannot be read is missing, as it is for the tools.
        statusTexts.mapValues { texts in texts.compactMap { try? JSONDecoder().decode(StageStatus.self, from: $0) } }
    }
    /// Requests that wait for the store's writer, and its replies.
    public var requests: [[UInt8]] = []
    public private(set) var replies: [[UInt8]] = []

    public init(seed: UInt64 = 0) { random = SplitMix(seed: seed) }

    /// A subscriber that connects now; the one before is gone.
    public func subscribe(_ stream: Wire.Stream, topic: String) -> any LiveSource {
        let new = Queue()
        if topic.isEmpty { queues[stream] = new } else { topicQueues[stream, default: [:]][topic] = new }
        greeted.insert(stream)
        return new
    }

    public func unsubscribeAll() { (queues, topicQueues) = ([:], [:]) }

    public func publish(_ stream: Wire.Stream) -> any LiveSink {
        Sink(greets: { [unowned self] in greeted.remove(stream) != nil }) { [unowned self] bytes, size in
            published(bytes, stream)
            for start in stride(from: 0, to: bytes.count, by: size) {
                send(Array(bytes[start..<(start + size)]), stream)
            }
        }
    }

    public func publishStatus(_ stage: Stage) -> any LiveSink {
        // `STAT` and the stage's name in 12 bytes come first.
        Sink(greets: { false }) { [unowned self] bytes, _ in
            statusTexts[stage, default: []].append(Data(bytes.dropFirst(16)))
        }
    }

    public func takeRequests() -> any RequestSource { Requests(self) }

    private final class Sink: LiveSink {
        let endpoint = "memory"
        private let greets: () -> Bool
        private let take: (UnsafeRawBufferPointer, Int) -> Void

        init(greets: @escaping () -> Bool, _ take: @escaping (UnsafeRawBufferPointer, Int) -> Void) {
            (self.greets, self.take) = (greets, take)
        }

        func hasNewReader() -> Bool { greets() }

        func send(_ message: UnsafeRawBufferPointer) { take(message, message.count) }

        func send(records: UnsafeRawBufferPointer, recordSize: Int) { take(records, recordSize) }
    }

    private final class Requests: RequestSource {
        private unowned let bus: MemoryBus

        init(_ bus: MemoryBus) { self.bus = bus }

        func receive() -> [UInt8]? { bus.requests.isEmpty ? nil : bus.requests.removeFirst() }

        func reply(_ bytes: [UInt8]) { bus.replies.append(bytes) }
    }

    private func send(_ message: [UInt8], _ stream: Wire.Stream) {
        for (topic, queue) in topicQueues[stream] ?? [:]
        where message.starts(with: topic.utf8) && queue.messages.count < Self.queueLimit {
            queue.messages.append(message)
        }
        guard let queue = queues[stream], queue.messages.count < Self.queueLimit else { return }
        switch Int.random(in: 0..<1_000, using: &random) {
        case ..<faultRate: break
        case ..<(2 * faultRate): queue.messages += [message, message]
        case ..<(3 * faultRate):
            queue.messages.insert(message, at: Int.random(in: 0...queue.messages.count, using: &random))
        case ..<(4 * faultRate):
            var garbled = message
            garbled[Int.random(in: garbled.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            queue.messages.append(garbled)
        default: queue.messages.append(message)
        }
    }
}
