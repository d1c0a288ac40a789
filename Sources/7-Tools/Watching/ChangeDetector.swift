package import MarketData
package import Reports
internal import Settings

/// Makes messages of what changes in the verdict. Owns no clock.
///
/// A finding makes a message once it has been present for the hold, short absences aside. It has ended once it has been
/// absent for the hold without a break. So neither a restart nor a finding that comes and goes makes a row of messages. A
/// finding that grows worse makes another message, one that grows better does not. Source: docs/decisions/0049-candlewick-watch.md.
package struct ChangeDetector: Sendable {
    package struct Rules: Sendable {
        /// ns.
        var hold: Int64
        /// Seconds between two messages while something is bad; `nil`: no repeats.
        var repeatSeconds: Int64?
        /// What is below it is not looked at.
        var least: Finding.State

        package init(hold: Duration, repeats: Duration?, least: Finding.State) {
            (self.hold, self.least) = (hold.nanoseconds, least)
            repeatSeconds = repeats?.components.seconds
        }

        init(_ settings: Configuration.Watch) {
            let least: Finding.State =
                switch settings.least {
                case .failed: .failed
                case .warning: .warning
                }
            let repeats: Duration? = settings.repeatMinutes == 0 ? nil : .seconds(settings.repeatMinutes * 60)
            self.init(hold: .seconds(settings.holdSeconds), repeats: repeats, least: least)
        }

        /// Whether a finding is looked at.
        func counts(_ finding: Finding) -> Bool { finding.state.level >= least.level }
    }

    /// What outlives a restart: the findings that messages have reported.
    package struct Memory: Codable, Hashable, Sendable {
        var told: [WatchedFinding] = []
        /// When a message was made last, Unix seconds.
        var lastNotice: Int64 = 0
        /// Since when anything has been bad, Unix seconds.
        var badSince: Int64?

        package init() {}
    }

    private let rules: Rules
    private let host: String
    private var episodes: [FindingIdentity: FindingEpisode] = [:]
    private var lastNotice: Int64
    private var badSince: Int64?
    /// Monotonic, ns; `nil` before the first look.
    private var lastLook: Int64?

    package init(_ rules: Rules, host: String, memory: Memory = Memory()) {
        (self.rules, self.host, lastNotice, badSince) = (rules, host, memory.lastNotice, memory.badSince)
        for item in memory.told { episodes[item.identity] = FindingEpisode(told: item) }
    }

    package var memory: Memory {
        var memory = Memory()
        memory.told = episodes.values.compactMap(\.toldItem).sorted { $0.identity < $1.identity }
        (memory.lastNotice, memory.badSince) = (lastNotice, badSince)
        return memory
    }

    /// Takes the findings of a moment.
    /// - Parameters:
    ///   - now: the wall clock, for the message.
    ///   - monotonic: ns, for the hold.
    /// - Returns: what to tell now.
    package mutating func look(at findings: [Finding], now: UTCNanos, monotonic: Int64) -> Notice? {
        let seconds = now.seconds.rawValue
        let passed = lastLook.map { max(0, monotonic - $0) } ?? 0
        lastLook = monotonic
        let seen = worst(findings)
        for (identity, finding) in seen where episodes[identity] == nil {
            episodes[identity] = FindingEpisode(finding, since: seconds)
        }
        var appeared: Set<FindingIdentity> = []
        var ended: [WatchedFinding] = []
        for identity in episodes.keys.sorted() {
            guard var episode = episodes[identity] else { continue }
            switch episode.pass(passed, seen[identity], now: seconds, hold: rules.hold) {
            case .nothing: episodes[identity] = episode
            case .worse:
                appeared.insert(identity)
                episodes[identity] = episode
            case .over:
                episodes[identity] = nil
                if episode.isTold { ended.append(episode.item) }
            }
        }
        return notice(seconds, appeared, ended)
    }

    /// One for each identity: the worst, with the sentences of all that are as bad.
    private func worst(_ findings: [Finding]) -> [FindingIdentity: Finding] {
        let bad = findings.filter(rules.counts)
        return Dictionary(grouping: bad, by: FindingIdentity.init).compactMapValues { group in
            let level = group.map(\.state.level).max()
            let worst = group.filter { $0.state.level == level }
            guard let first = worst.first, worst.count > 1 else { return worst.first }
            let sentences = worst.map(\.finding).joined(separator: "; ")
            return Finding(first.check, first.subject, first.state, sentences, first.advice).of(first.collector)
        }
    }

    private mutating func notice(
        _ now: Int64, _ appeared: Set<FindingIdentity>, _ ended: [WatchedFinding]
    ) -> Notice? {
        // The wall clock was set back: no message was made in the future.
        lastNotice = min(lastNotice, now)
        let new = items { appeared.contains($0.item.identity) }
        let still = items { $0.isTold && !appeared.contains($0.item.identity) }
        let isRepeat = !still.isEmpty && rules.repeatSeconds.map { now - lastNotice >= $0 } == true
        guard !new.isEmpty || !ended.isEmpty || isRepeat else { return nil }
        lastNotice = now
        let since = ([badSince].compactMap { $0 } + (new + ended).map(\.since)).min()
        badSince = new.isEmpty && still.isEmpty ? nil : since
        return Notice(time: now, host: host, appeared: new, ended: ended, still: still, badSince: since)
    }

    /// The worst and oldest first.
    private func items(_ isWanted: (FindingEpisode) -> Bool) -> [WatchedFinding] {
        episodes.values.filter(isWanted).map(\.item).sorted {
            ($1.finding.state.level, $0.since, $0.identity) < ($0.finding.state.level, $1.since, $1.identity)
        }
    }
}
