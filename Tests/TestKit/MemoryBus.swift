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

    /// A collector's stream.
    private struct Place: Hashable {
        let stream: Wire.Stream
        let collector: Collector
    }

    private var queues: [Place: Queue] = [:]
    /// Of those who want a topic alone.
    private var topicQueues: [Place: [String: Queue]] = [:]
    /// Streams that a reader subscribed to since their publisher looked.
    private var greeted: Set<Place> = []
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
    public func subscribe(_ stream: Wire.Stream, of collector: Collector, topic: String) -> any LiveSource {
        let place = Place(stream: stream, collector: collector)
        let new = Queue()
        if topic.isEmpty { queues[place] = new } else { topicQueues[place, default: [:]][topic] = new }
        greeted.insert(place)
        return new
    }

    public func wait(for sources: [any LiveSource], milliseconds: Int, stop: Int32) -> Bool {
        sources.contains { !(($0 as? Queue)?.messages.isEmpty ?? true) }
    }

    public func unsubscribeAll() { (queues, topicQueues) = ([:], [:]) }

    public func publish(_ stream: Wire.Stream) -> any LiveSink { publish(stream, of: .main) }

    private func publish(_ stream: Wire.Stream, of collector: Collector) -> any LiveSink {
        let place = Place(stream: stream, collector: collector)
        return Sink(greets: { [unowned self] in greeted.remove(place) != nil }) { [unowned self] bytes, size in
            published(bytes, stream)
            for start in stride(from: 0, to: bytes.count, by: size) {
                send(Array(bytes[start..<(start + size)]), place)
            }
        }
    }

    /// The same bus for the stages of another collector.
    public func of(_ collector: Collector) -> any Bus { CollectorBus(bus: self, collector: collector) }

    private struct CollectorBus: Bus {
        let bus: MemoryBus
        let collector: Collector

        func subscribe(_ stream: Wire.Stream, of collector: Collector, topic: String) -> any LiveSource {
            bus.subscribe(stream, of: collector, topic: topic)
        }

        func wait(for sources: [any LiveSource], milliseconds: Int, stop: Int32) -> Bool {
            bus.wait(for: sources, milliseconds: milliseconds, stop: stop)
        }

        func publish(_ stream: Wire.Stream) -> any LiveSink { bus.publish(stream, of: collector) }

        func publishStatus(_ stage: Stage) -> any LiveSink { bus.publishStatus(stage) }

        func takeRequests() -> any RequestSource { bus.takeRequests() }
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

    private func send(_ message: [UInt8], _ place: Place) {
        for (topic, queue) in topicQueues[place] ?? [:]
        where message.starts(with: topic.utf8) && queue.messages.count < Self.queueLimit {
            queue.messages.append(message)
        }
        guard let queue = queues[place], queue.messages.count < Self.queueLimit else { return }
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
