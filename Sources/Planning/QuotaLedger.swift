internal import MarketData
public import Wire

/// The account's book of points: what each request was expected to cost, and what the broker said of it.
///
/// All times are of the local clock: the allowance runs in real time. Source: `ig-api` § 3.7.
public struct QuotaLedger: Sendable {
    /// One request.
    public struct Entry: Hashable, Sendable {
        /// Of the request, in the history stream.
        public let position: UInt64
        public let request: HistoryRequest
        /// `nil`: none is known. The request is on its way, or its process died.
        public var reply: HistoryReply?

        public init(position: UInt64, request: HistoryRequest, reply: HistoryReply? = nil) {
            (self.position, self.request, self.reply) = (position, request, reply)
        }
    }

    /// What may be bought at a moment.
    public struct Estimate: Hashable, Sendable {
        public let remaining: Int
        public let total: Int
        /// When the allowance is given anew, Unix seconds; `nil`: a week after its first use, or unknown.
        public let renewal: Int64?
        /// Whether the broker said so in this allowance's week; else it is what the configuration says.
        public let isTold: Bool

        public init(remaining: Int, total: Int, renewal: Int64?, isTold: Bool) {
            (self.remaining, self.total, self.renewal, self.isTold) = (remaining, total, renewal, isTold)
        }
    }

    /// Oldest first.
    public private(set) var entries: [Entry] = []
    private let weeklyPoints: Int

    /// - Parameter weeklyPoints: what the broker gives, as long as it has not said so itself.
    public init(weeklyPoints: Int) { self.weeklyPoints = weeklyPoints }

    /// Notes a request, or one that is known already.
    public mutating func note(_ entry: Entry) {
        if let index = entries.lastIndex(where: { $0.position <= entry.position }) {
            if entries[index].position == entry.position {
                entries[index].reply = entries[index].reply ?? entry.reply
            } else {
                entries.insert(entry, at: index + 1)
            }
        } else {
            entries.insert(entry, at: 0)
        }
    }

    /// Notes what came of a request.
    public mutating func note(_ reply: HistoryReply) {
        guard let index = entries.lastIndex(where: { $0.position == reply.request }) else { return }
        entries[index].reply = reply
    }

    /// What may be bought, as the last reply said, less what was asked for since and may have been paid.
    public func estimate(now: Int64) -> Estimate {
        let last = entries.lastIndex { $0.reply?.allowance != nil }
        guard let last, let allowance = entries[last].reply?.allowance, !isOver(entries[last], now: now) else {
            // A new week, or none yet: what was asked since without an answer counts into it.
            let since = last.flatMap { entries[$0].reply?.allowance?.renewal } ?? now - QuotaLedger.week
            let total = last.flatMap { entries[$0].reply?.allowance?.total } ?? weeklyPoints
            let open = entries.filter { isOpen($0) && $0.request.sent.seconds >= since }
            return Estimate(remaining: max(0, total - points(open)), total: total, renewal: nil, isTold: false)
        }
        let open = entries[(last + 1)...].filter(isOpen)
        return Estimate(
            remaining: max(0, allowance.remaining - points(open)), total: allowance.total,
            renewal: allowance.renewal > 0 ? allowance.renewal : nil, isTold: true)
    }

    /// Requests without a known end: on their way, or their process died, so that they may have been paid in vain.
    public var inFlight: [Entry] { entries.filter { $0.reply == nil } }

    /// Points paid in all, as far as the replies tell.
    public var paid: Int { entries.reduce(0) { $0 + ($1.reply?.points ?? 0) } }

    private static let week: Int64 = 604_800

    private func isOpen(_ entry: Entry) -> Bool { entry.reply == nil || entry.reply?.outcome == .unanswered }

    private func points(_ entries: some Sequence<Entry>) -> Int { entries.reduce(0) { $0 + $1.request.points } }

    /// Where the renewal is not known, a look after an hour costs nothing while nothing is left.
    private func isOver(_ entry: Entry, now: Int64) -> Bool {
        guard let reply = entry.reply, let allowance = reply.allowance else { return true }
        return now >= (allowance.renewal > 0 ? allowance.renewal : reply.received.seconds + 3_600)
    }
}
