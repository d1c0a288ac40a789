internal import Glibc
internal import Host
internal import Logging
internal import MarketData
internal import Wire

/// Which segments of a journal are dropped: the oldest ones, by age or by size.
///
/// Age is measured in the stream's own time (bytes 24–31 of its records), so neither a step of the local clock nor
/// a machine that was off drops anything too early; but the stream's time counts only up to a day ahead of the host's
/// clock, so that a wrong time in the stream drops nothing either. Age never drops what a consumer has not yet taken;
/// size does, and that is logged as an error. Source: docs/operations.md § Retention.
struct Retention: Sendable {
    /// 0: no limit.
    let days: Int
    /// 0: no limit.
    let megabytes: Int

    init(_ settings: JournalSettings) {
        days = settings.retentionDays
        megabytes = settings.retentionMegabytes
    }

    /// A segment that is not written any more.
    struct Closed: Hashable, Sendable {
        let lastPosition: UInt64
        let bytes: Int
        /// The newest time in its last records, ns.
        let newestTime: Int64
    }

    /// What is to be done with the oldest segments.
    struct Decision: Hashable {
        /// So many are dropped, the oldest first.
        var dropped = 0
        /// Consumers whose records are dropped before they took them, by size.
        var bereft: [String] = []
        /// Consumers because of which segments beyond the age are kept.
        var awaited: [String] = []
    }

    /// - Parameters:
    ///   - closed: the journal's segments but the one that is written, oldest first.
    ///   - openBytes: the size of that one.
    ///   - now: the stream's time, ns.
    func decide(_ closed: [Closed], openBytes: Int, now: Int64, consumers: [ConsumerMark.Taken]) -> Decision {
        var decision = Decision()
        var size = closed.reduce(openBytes) { $0 + $1.bytes }
        let oldest = now &- Int64(days) * 86_400 * UTCNanos.perSecond
        for segment in closed {
            let isOld = days > 0 && segment.newestTime < oldest
            let isOver = megabytes > 0 && size > megabytes << 20
            guard isOld || isOver else { break }
            let behind = consumers.filter { $0.position < segment.lastPosition }.map(\.consumer)
            if !behind.isEmpty, !isOver {
                decision.awaited = behind
                break
            }
            decision.bereft += behind.filter { !decision.bereft.contains($0) }
            decision.dropped += 1
            size -= segment.bytes
        }
        return decision
    }

    /// The time by which age is measured: the earlier of two witnesses, ns.
    static func now(stream: Int64, host: Int64) -> Int64 { min(stream, host &+ 86_400 * UTCNanos.perSecond) }

    /// Drops what is to be dropped. Called on the syncer's thread.
    /// - Parameter host: the host's clock, ns.
    func apply(folder: String, recordSize: Int, host: Int64, logger: Logger) {
        guard days > 0 || megabytes > 0 else { return }
        do {
            let segments = try Segment.inPlace(in: folder, recordSize: recordSize)
            guard let open = segments.last else { return }
            let closed = try segments.dropLast().map { try Closed($0, recordSize) }
            let present = try Closed(open, recordSize)
            let now = Retention.now(stream: max(present.newestTime, closed.last?.newestTime ?? 0), host: host)
            let decision = decide(
                closed, openBytes: present.bytes, now: now, consumers: try ConsumerMark.all(in: folder))
            for segment in segments.prefix(decision.dropped) {
                guard unlink(segment.path) == 0 else { throw JournalError(.drop, segment.path, errno: errno) }
            }
            report(decision, closed, folder: folder, logger)
        } catch {
            logger.error("Old segments cannot be dropped", metadata: ["error": "\(error)"])
        }
    }

    private func report(_ decision: Decision, _ closed: [Closed], folder: String, _ logger: Logger) {
        if decision.dropped > 0 {
            logger.notice(
                "Old segments dropped",
                metadata: [
                    "journal": "\(folder)", "count": "\(decision.dropped)",
                    "position": "\(closed[decision.dropped - 1].lastPosition)",
                ])
        }
        for consumer in decision.bereft {
            logger.error(
                "Records dropped by the size limit before a consumer read them: it has lost them",
                metadata: ["journal": "\(folder)", "consumer": "\(consumer)"])
        }
        for consumer in decision.awaited {
            logger.warning(
                "Journal keeps records beyond their age because a consumer has not read them",
                metadata: ["journal": "\(folder)", "consumer": "\(consumer)"])
        }
    }
}

extension Retention.Closed {
    /// What a segment's file shows.
    init(_ segment: Segment, _ recordSize: Int) throws(JournalError) {
        guard let file = try segment.openForReading(recordSize: recordSize) else {
            self.init(lastPosition: segment.firstPosition, bytes: 0, newestTime: 0)
            return
        }
        defer { close(file) }
        let bytes = Int(lseek(file, 0, SEEK_END))
        let slots = max(0, bytes - Segment.headerSize) / recordSize
        var newest: Int64 = 0
        // Records out of order in time lie close together.
        try segment.eachSlot(from: max(0, slots - 256), file, recordSize: recordSize) { _, isValid, record in
            if isValid { newest = max(newest, RecordBytes.time(record)) }
            return true
        }
        self.init(
            lastPosition: segment.firstPosition + UInt64(max(0, slots - 1)), bytes: bytes, newestTime: newest)
    }
}
