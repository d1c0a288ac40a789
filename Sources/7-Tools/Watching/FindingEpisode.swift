internal import Reports

/// One finding from its first to its last appearance. A clock's steps in, what to tell out.
struct FindingEpisode {
    enum Change {
        case nothing
        /// It has been worse than the last message said for the hold.
        case worse
        /// It has been away for the hold.
        case over
    }

    /// As it was seen last.
    private var finding: Finding
    /// When it was seen first, and when it was away first; Unix seconds.
    private let since: Int64
    private var until: Int64?
    /// How bad it is; 0 if it is away.
    private var level = 0
    /// As a message said it, or as it has been since it grew better; `nil` if no message did.
    private var told: Finding?
    /// How long it has been worse than told, ns. Goes on after a break that is shorter than the hold.
    private var worse: Int64 = 0
    /// How long without a break it has not been worse than told, and better than told, ns.
    private var calm: Int64 = 0
    private var better: Int64 = 0

    init(_ finding: Finding, since: Int64) { (self.finding, self.since) = (finding, since) }

    /// One that a message told of before a restart.
    init(told item: WatchedFinding) {
        self.init(item.finding, since: item.since)
        told = item.finding
        level = toldLevel
    }

    private var toldLevel: Int { told?.state.level ?? 0 }
    var isTold: Bool { told != nil }
    /// What a restart must know: not how bad it is now, for no message may have said so yet.
    var toldItem: WatchedFinding? { told.map { WatchedFinding($0, since: since) } }
    var item: WatchedFinding { WatchedFinding(finding, since: since, until: level == 0 ? until : nil) }

    /// - Parameters:
    ///   - passed: ns since the last look.
    ///   - seen: `nil` if it is away.
    ///   - now: Unix seconds.
    mutating func pass(_ passed: Int64, _ seen: Finding?, now: Int64, hold: Int64) -> Change {
        let former = level
        level = seen?.state.level ?? 0
        if let seen { finding = seen } else if former > 0 || until == nil { until = now }
        // A stretch counts if both of its ends are alike.
        if level > toldLevel {
            (calm, better) = (0, 0)
            if former > toldLevel { worse += passed }
            guard worse >= hold else { return .nothing }
            (told, worse) = (finding, 0)
            return .worse
        }
        calm = former <= toldLevel ? calm + passed : 0
        better = level < toldLevel && former < toldLevel ? better + passed : 0
        if calm >= hold { worse = 0 }
        if !isTold { return level == 0 && calm >= hold ? .over : .nothing }
        guard level < toldLevel, better >= hold else { return .nothing }
        if level == 0 { return .over }
        told = finding
        return .nothing
    }
}

extension Finding.State {
    /// The higher, the worse.
    var level: Int {
        switch self {
        case .ok: 0
        case .warning: 1
        case .failed: 2
        }
    }
}
