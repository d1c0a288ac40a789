internal import NIOCore

/// The data notifications of one session, encoded: those that wait to be sent, and behind them the log of those that
/// were.
struct DataLines {
    /// Whole lines that are not sent yet, and perhaps a part of one more.
    var waiting = ByteBuffer()
    private var waitingCount = 0
    private var log: SentLog
    /// Notifications so far, sent or about to be.
    private(set) var count = 0

    /// Bytes after which waiting lines are sent as one frame. Source: TLCP § WebSocket (16,384 at most).
    private static let frameBytes = 15_000

    /// - Parameter bytesMax: of sent lines that are kept.
    init(bytesMax: Int) {
        log = SentLog(bytesMax: bytesMax)
        waiting.reserveCapacity(16_384)
    }

    var areWaiting: Bool { waitingCount > 0 }
    var fillsFrame: Bool { waiting.readableBytes >= Self.frameBytes }
    /// Notifications that were sent.
    var sent: Int { log.last }

    /// A line was written into `waiting`.
    mutating func countOne() {
        count += 1
        waitingCount += 1
    }

    /// The waiting lines, which count as sent from now on.
    mutating func take() -> ByteBuffer {
        defer {
            waiting = ByteBuffer()
            waiting.reserveCapacity(16_384)
            waitingCount = 0
        }
        log.append(waiting, lines: waitingCount)
        return waiting
    }

    /// What was sent after notification `position`; `nil` if that is not kept.
    func sent(after position: Int) -> [ByteBuffer]? { log.lines(after: position) }
}
