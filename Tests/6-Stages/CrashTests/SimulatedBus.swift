import Streams
import TestKit

/// A PUB/SUB path that loses, repeats, reorders and garbles, all by one seed. Each subscriber has a queue of
/// its own.
final class SimulatedBus {
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

    private var queue: Queue?
    private var random: SplitMix
    /// Of a thousand messages, so many meet each fault.
    var faultRate = 0

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    /// A subscriber that connects now; the one before is gone.
    func subscribe() -> Queue {
        let new = Queue()
        queue = new
        return new
    }

    func unsubscribe() { queue = nil }

    func publish(_ records: UnsafeRawBufferPointer, recordSize: Int) {
        for start in stride(from: 0, to: records.count, by: recordSize) {
            send(Array(records[start..<(start + recordSize)]))
        }
    }

    private func send(_ message: [UInt8]) {
        guard let queue, queue.messages.count < Self.queueLimit else { return }
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
