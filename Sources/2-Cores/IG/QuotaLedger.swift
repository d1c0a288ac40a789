public import MarketData
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

        /// Points that it cost at most: one without an answer may have been paid.
        var cost: Int {
            switch reply?.outcome {
            case nil, .unanswered: request.points
            case .answered: reply?.points ?? 0
            case .refused: 0
            }
        }
    }

    /// What may be bought at a moment.
    public struct Estimate: Hashable, Sendable {
        public let remaining: Int
        public let total: Int
        /// When the allowance is given anew; `nil`: a week after its first use, or unknown.
        public let renewal: UTCSeconds?
        /// Whether the broker said so in this allowance's week; else it is what the configuration says.
        public let isTold: Bool
        /// Points that count as paid although no reply says so: the next one will show it.
        public let unconfirmed: Int

        public init(remaining: Int, total: Int, renewal: UTCSeconds?, isTold: Bool, unconfirmed: Int = 0) {
            (self.remaining, self.total, self.renewal, self.isTold) = (remaining, total, renewal, isTold)
            self.unconfirmed = unconfirmed
        }

        /// Points that may be spent where so many are left alone.
        public func spendable(reserve: Int) -> Int { max(0, remaining - reserve) }

        /// The same, should what is not confirmed turn out not to be paid.
        public func hoped(reserve: Int) -> Int { max(0, remaining + unconfirmed - reserve) }
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
    public func estimate(now: UTCSeconds) -> Estimate {
        let last = entries.lastIndex { $0.reply?.allowance != nil }
        if let last, let reply = entries[last].reply, let allowance = reply.allowance, !isOver(reply, allowance, now) {
            return estimate(
                allowance.remaining, of: allowance.total, less: entries[(last + 1)...],
                renewal: renewal(reply, allowance), isTold: true)
        }
        // A new week, or none yet: what was asked since without a word of the broker counts into it.
        let told = last.flatMap { entries[$0].reply }
        let since = told.flatMap { reply in reply.allowance.flatMap { renewal(reply, $0) } } ?? now - QuotaLedger.week
        let total = told?.allowance?.total ?? weeklyPoints
        let recent = entries[((last ?? -1) + 1)...].filter { $0.request.sent.seconds >= since }
        return estimate(total, of: total, less: recent, renewal: nil, isTold: false)
    }

    private func estimate(
        _ remaining: Int, of total: Int, less later: some Sequence<Entry>, renewal: UTCSeconds?, isTold: Bool
    ) -> Estimate {
        let unconfirmed = later.reduce(0) { $0 + $1.cost }
        return Estimate(
            remaining: max(0, remaining - unconfirmed), total: total, renewal: renewal, isTold: isTold,
            unconfirmed: min(remaining, unconfirmed))
    }

    /// What requests cost at most, those behind the first so many.
    public func spent(behind count: Int) -> Int { entries.dropFirst(count).reduce(0) { $0 + $1.cost } }

    /// What repair spent at most in the last seven days. A request of the future shows a clock that was set back: it may
    /// be of just now.
    public func spentByRepair(now: UTCSeconds) -> Int {
        entries.reduce(0) { sum, entry in
            let counts = entry.request.isRepair && entry.request.sent.seconds > now - QuotaLedger.week
            return sum + (counts ? entry.cost : 0)
        }
    }

    /// Requests without a known end: on their way, or their process died, so that they may have been paid in vain.
    public var inFlight: [Entry] { entries.filter { $0.reply == nil } }

    /// Points paid in all, as far as the replies report them.
    public var paid: Int { entries.reduce(0) { $0 + ($1.reply?.points ?? 0) } }

    /// What became of the requests so far, as far as replies say it.
    public struct Purchases: Hashable, Sendable {
        /// Points paid by repair, and by everything else.
        public internal(set) var byRepair = 0
        public internal(set) var byOthers = 0
        /// Requests that the broker refused.
        public internal(set) var refused = 0

        public init() {}
    }

    public var purchases: Purchases {
        entries.reduce(into: Purchases()) { sum, entry in
            guard let reply = entry.reply else { return }
            if reply.outcome == .refused { sum.refused += 1 }
            if entry.request.isRepair { sum.byRepair += reply.points } else { sum.byOthers += reply.points }
        }
    }

    private static let day: Duration = .seconds(86_400)
    private static let week = day * 7

    /// `nil` if the broker did not report it, or if it cannot be right, by a local clock that was wrong.
    private func renewal(_ reply: HistoryReply, _ allowance: HistoryReply.Allowance) -> UTCSeconds? {
        let latest = reply.received.seconds + QuotaLedger.week + QuotaLedger.day
        return allowance.renewal.rawValue > 0 && allowance.renewal <= latest ? allowance.renewal : nil
    }

    /// Whether a new week has begun. Where its moment is not known: after a week, and where nothing is left, after an hour,
    /// since a look then costs nothing.
    private func isOver(_ reply: HistoryReply, _ allowance: HistoryReply.Allowance, _ now: UTCSeconds) -> Bool {
        // The local clock was set back: nothing of what it said holds.
        if reply.received.seconds > now + QuotaLedger.day { return true }
        if let renewal = renewal(reply, allowance) { return now >= renewal }
        return now >= reply.received.seconds + (allowance.remaining > 0 ? QuotaLedger.week : .seconds(3_600))
    }
}
