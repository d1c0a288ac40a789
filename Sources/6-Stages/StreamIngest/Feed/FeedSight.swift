/// How much of the feed is seen: the state of the continuity machine. The times are feed time, ns.
///
/// ```text
///            silence                cut                 session lost
/// seeing ──────────────▶ silent ─────────▶ cut ─────────────────────▶ blind
///    ▲                     │                │                           │
///    └── goes on ──────────┴── recovered ───┴── a new session sees ─────┘
/// ```
/// Each may also come from any state to its left. Source: docs/architecture.md § Sight.
enum FeedSight: Hashable {
    case seeing
    /// The connection is silent or stalled; if it goes on where it stopped, nothing is missing.
    case silent(Gap)
    /// The connection is cut; if the session is recovered, nothing is missing.
    case cut(Gap)
    /// No session, or not all of its subscriptions are answered yet. `isAnswered`: they are, and the blindness ends when
    /// all snapshots are complete, or with the next believed time.
    case blind(since: Int64, isAnswered: Bool)

    /// A stretch of which something may still come.
    struct Gap: Hashable {
        /// Since when something may be missing.
        var since: Int64
        /// What was missing does not come: the broker sent other lines meanwhile.
        var isHole: Bool
        /// The connection goes on, or the session is recovered: what was missing has come once feed time passes the last
        /// clock record.
        var isReturning = false
    }

    /// What happened to the connection, the least first.
    enum Loss: Hashable { case silence, cut, session }

    var isSeeing: Bool { if case .seeing = self { true } else { false } }

    /// `nil` while the feed is seen.
    var since: Int64? {
        switch self {
        case .seeing: nil
        case .silent(let gap), .cut(let gap): gap.since
        case .blind(let since, _): since
        }
    }

    /// Whether something may be over with the next believed time.
    @inline(__always)
    var isEnding: Bool {
        switch self {
        case .seeing: false
        case .silent(let gap), .cut(let gap): gap.isReturning
        case .blind(_, let isAnswered): isAnswered
        }
    }

    /// What may be missing is coming.
    var isReturning: Bool { gap?.isReturning ?? false }

    private var gap: Gap? {
        switch self {
        case .silent(let gap), .cut(let gap): gap
        case .seeing, .blind: nil
        }
    }

    // MARK: Transitions

    /// The feed is seen less well than before; the moment since when stays.
    /// - Parameters:
    ///   - since: the moment, if it was seen until now.
    ///   - hasSpoken: the connection brought bytes, and the feed was silent: what happened meanwhile does not come.
    ///   - isTalking: so it did before the present bytes.
    /// - Returns: false only if a silence changes nothing.
    mutating func lose(_ loss: Loss, since: Int64, hasSpoken: Bool, isTalking: Bool) -> Bool {
        switch self {
        case .seeing: move(to: loss, Gap(since: since, isHole: hasSpoken))
        case .silent(let gap):
            if loss == .silence { return false }
            move(to: loss, Gap(since: gap.since, isHole: gap.isHole || isTalking))
        case .cut(let gap):
            if loss == .silence { return false }
            move(to: loss, Gap(since: gap.since, isHole: gap.isHole))
        case .blind(let since, _): if loss == .session { self = .blind(since: since, isAnswered: false) }
        }
        return true
    }

    private mutating func move(to loss: Loss, _ gap: Gap) {
        switch loss {
        case .silence: self = .silent(gap)
        case .cut: self = .cut(gap)
        case .session: self = .blind(since: gap.since, isAnswered: false)
        }
    }

    /// The session is recovered: what was missing comes.
    mutating func recover() {
        guard case .cut(var gap) = self else { return }
        gap.isReturning = true
        self = .cut(gap)
    }

    /// A silent connection goes on.
    /// - Parameter isHole: it spoke meanwhile, and the feed did not.
    mutating func goOn(isHole: Bool) {
        guard case .silent(var gap) = self else { return }
        gap.isReturning = true
        if isHole { gap.isHole = true }
        self = .silent(gap)
    }

    /// Every subscription of the session is answered.
    /// - Returns: whether a blindness may end now.
    mutating func answered() -> Bool {
        guard case .blind(let since, _) = self else { return false }
        self = .blind(since: since, isAnswered: true)
        return true
    }

    /// What is missing does not come.
    mutating func tear() {
        switch self {
        case .silent(var gap):
            gap.isHole = true
            self = .silent(gap)
        case .cut(var gap):
            gap.isHole = true
            self = .cut(gap)
        case .seeing, .blind: break
        }
    }

    /// What was missing has come, or nothing was missing.
    /// - Returns: what was open; `nil` if no gap was.
    mutating func close() -> Gap? {
        guard let gap else { return nil }
        self = .seeing
        return gap
    }

    /// Nothing is known since `moment` at the latest.
    mutating func move(backTo moment: Int64) {
        switch self {
        case .seeing: break
        case .silent(var gap):
            gap.since = min(gap.since, moment)
            self = .silent(gap)
        case .cut(var gap):
            gap.since = min(gap.since, moment)
            self = .cut(gap)
        case .blind(let since, let isAnswered): self = .blind(since: min(since, moment), isAnswered: isAnswered)
        }
    }
}

/// What the bytes of the connection prove. A heartbeat or a live tick proves that nothing was missing before it. Bytes
/// that bring none prove, after a while, that the feed is silent at the broker. Moments are monotonic, ns.
struct FeedProof {
    private enum State {
        case proven
        /// The present bytes have brought no proof.
        case unproven
        /// The first bytes that came too long after the last proof, and brought none: the connection lives.
        case talking(since: Int64)
    }

    private var state = State.proven
    /// The last heartbeat or live tick that was believed.
    private(set) var last: Int64 = 0
    private var lastBytes: Int64 = 0

    @inline(__always)
    var isMissing: Bool { if case .proven = state { false } else { true } }

    var isTalking: Bool { if case .talking = state { true } else { false } }

    /// - Parameter limit: how long a connection may speak and prove nothing.
    func hasSpoken(limit: Int64) -> Bool {
        switch state {
        case .proven: false
        case .unproven: lastBytes - last >= limit
        case .talking: true
        }
    }

    /// Bytes have come; what they bring is not known yet.
    mutating func bytesCame(at monotonic: Int64, limit: Int64) {
        switch state {
        case .proven: state = .unproven
        case .unproven: if lastBytes - last >= limit { state = .talking(since: lastBytes) }
        case .talking: break
        }
        lastBytes = monotonic
    }

    /// The first heartbeat or live tick of a read.
    /// - Returns: since when the connection had been talking; `nil` if it had not.
    mutating func came(at monotonic: Int64) -> Int64? {
        defer { (state, last) = (.proven, monotonic) }
        if case .talking(let since) = state { return since }
        return nil
    }
}
