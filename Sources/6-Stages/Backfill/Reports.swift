internal import Reports
internal import Host
public import IG
public import MarketData
internal import Planning
public import Settings
internal import Wire

extension Proposal {
    /// What would be bought, what it costs, and what must wait.
    public func report(_ history: Configuration.History) -> String {
        var lines = [title(history)]
        func add(_ name: String, _ text: String) { lines.append("  \(padded(name, 10))\(text)") }
        if plan.unobtainable > 0 {
            add("not sold", "\(counted(plan.unobtainable, "candle")) of timeframes that the broker does not sell")
        }
        for (timeframe, count) in refoldable.sorted(by: { $0.key < $1.key }) {
            let intervals = "\(counted(count, "interval")) of \(timeframe)"
            add("refold", "\(intervals) can be made by 'candlewick refold --new' at no points")
        }
        if plan.isEmpty {
            let isAll = plan.unobtainable == 0 && refoldable.isEmpty
            add("to buy", isAll ? nothing : "nothing else: the rest is stored")
            return lines.joined(separator: "\n") + "\n"
        }
        let requests = plan.purchases.count
        let extent = "at most \(counted(plan.points, "candle")) in about \(counted(requests, "request"))"
        add(refusal == nil ? "to buy" : "could buy", extent + byTimeframe)
        if let refusal { add("refused", refusal) }
        if !plan.derived.isEmpty { add("derived", "\(counted(plan.derived.count, "candle")), from smaller ones, free") }
        let told = quota.isTold ? "" : " (not yet reported by the broker)"
        let rest = max(0, quota.remaining - plan.points)
        add("points", "\(grouped(plan.points)) of \(grouped(quota.remaining)) left\(told), \(grouped(rest)) remain")
        if let bounds { add("bounds", bounds.text(reserve: reserve)) }
        if isBound {
            add("later", "\(counted(plan.postponed, "point")), in the next runs")
        } else if plan.postponed > 0 {
            let when =
                quota.renewal.map { "from \($0.minuteText) on" } ?? "once the allowance renews"
            add("later", "\(counted(plan.postponed, "point")), \(when); the reserve is \(grouped(reserve))")
        }
        add("time", "about \(Duration.seconds(seconds(of: requests, history)).wholeSeconds)")
        return lines.joined(separator: "\n") + "\n"
    }

    private var byTimeframe: String {
        let points = Dictionary(grouping: plan.purchases, by: \.series.timeframe).sorted { $0.key < $1.key }
            .map { "\($0.key) \(grouped($0.value.reduce(0) { $0 + $1.points }))" }
        return points.isEmpty ? "" : ": " + points.joined(separator: ", ")
    }

    private func title(_ history: Configuration.History) -> String {
        switch task {
        case .run: "The last \(history.depth) candles of each timeframe, larger ones derived from smaller ones (run)"
        case .batch(let number): "Batch \(number), each of the last \(history.depth) candles bought (batch \(number))"
        case .repair:
            "Candles missing or partial since the stream began, of the last \(counted(history.repairDays, "day")) (repair)"
        }
    }
}

extension RepairBounds {
    fileprivate func text(reserve: Int) -> String {
        let share = "\(grouped(week)) in seven days (\(grouped(spentInWeek)) spent)"
        let open = reserve > 0 ? "; the reserve of \(grouped(reserve)) for holes of the last day only" : ""
        return "\(counted(run, "point")) a run, \(share)\(open)"
    }
}

/// How long so many requests take at the configured pace.
func seconds(of requests: Int, _ history: Configuration.History) -> Int {
    (max(0, requests - history.requestBurst) * history.requestSpacingMilliseconds + 999) / 1_000
}

extension FreshCost {
    /// The arithmetic of docs/quota.md for this configuration.
    /// - Parameter classic: the same with each candle bought.
    /// - Parameter reserve: points of each week that are left alone.
    func report(classic: FreshCost, weeklyPoints: Int, reserve: Int) -> String {
        let spendable = weeklyPoints - reserve
        let choice = "\(counted(pairs, "pair")), \(counted(depth, "candle")) of each timeframe"
        var lines = ["An empty store: \(choice)"]
        for line in self.lines {
            let unsold = line.unobtainable > 0 ? ", \(line.unobtainable) neither sold nor derivable" : ""
            lines.append("  \(padded("\(line.timeframe)", 10))\(line.bought) bought, \(line.derived) derived\(unsold)")
        }
        guard points > 0 else {
            return lines.joined(separator: "\n")
                + "\n  none of it is for sale: IG sells 1m, 2m, 3m, 5m, 10m, 15m, 30m, 1h\n"
        }
        let left = weeklyPoints - points
        let spare = left >= reserve ? "\(grouped(left)) to spare, " : ""
        let weeks = self.weeks(spending: spendable).map { counted($0, "week") } ?? "never"
        let together = "\(pairs) x \(pointsPerPair) = \(counted(points, "point"))"
        lines.append("  together  \(together) of \(grouped(weeklyPoints)) a week: \(spare)\(weeks)")
        lines.append("  classic   \(counted(classic.points, "point")), each bought: \(classic.batches(spendable))")
        lines.append("  reserve   \(counted(reserve, "point")) of each week stay, \(grouped(spendable)) may be spent")
        return lines.joined(separator: "\n") + "\n"
    }

    private func batches(_ spendable: Int) -> String {
        let size = pairsPerWeek(spending: spendable)
        guard size > 0 else { return "no pair fits into a week" }
        let batches = stride(from: 0, to: pairs, by: size).enumerated().map { index, first in
            let count = min(size, pairs - first)
            return "batch \(index + 1): \(counted(count, "pair")), \(grouped(count * pointsPerPair))"
        }
        return batches.joined(separator: "; ")
    }
}

extension QuotaLedger {
    /// What is left, and what became of the requests.
    public func report(now: UTCSeconds, reserve: Int) -> String {
        let estimate = estimate(now: now)
        let kept = reserve > 0 ? ", \(grouped(min(reserve, estimate.remaining))) of them the reserve" : ""
        var lines = ["\(grouped(estimate.remaining)) of \(grouped(estimate.total)) points left\(kept)"]
        if !estimate.isTold {
            let isAsked = entries.contains { $0.reply?.allowance != nil }
            lines.append(
                "  \(isAsked ? "a new week since the broker's last report" : "not yet reported by the broker")")
        }
        if estimate.unconfirmed > 0 {
            lines.append(
                "  \(counted(estimate.unconfirmed, "point")) count as paid without a reply: the next reply corrects this"
            )
        }
        if let renewal = estimate.renewal { lines.append("  they renew \(renewal.minuteText)") }
        lines.append("  \(counted(entries.count, "request")) on record, \(counted(paid, "point")) paid\(outcomes)")
        if !inFlight.isEmpty {
            let points = inFlight.reduce(0) { $0 + $1.request.points }
            let requests = counted(inFlight.count, "request")
            lines.append(
                "  \(requests) in flight when a process ended: at most \(counted(points, "point")) paid in vain")
            for entry in inFlight.suffix(10) {
                let points = counted(entry.request.points, "point")
                lines.append(
                    "    \(entry.request.sent.seconds.minuteText)  \(entry.request.series)  \(points)"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension QuotaLedger {
    /// `: 5 answered, 1 refused`.
    private var outcomes: String {
        func count(_ outcome: HistoryReply.Outcome?) -> Int { entries.count { $0.reply?.outcome == outcome } }
        let counts = [
            (count(.answered), "answered"), (count(.refused), "refused"), (count(.unanswered), "unanswered"),
            (count(nil), "in flight"),
        ].filter { $0.0 > 0 }
        return counts.isEmpty ? "" : ": " + counts.map { "\(grouped($0.0)) \($0.1)" }.joined(separator: ", ")
    }
}

extension BackfillSummary {
    /// Why it is not all done, in a sentence.
    public var reason: String {
        if let end { return end }
        if !failures.isEmpty { return "\(counted(failures.count, "purchase")) failed" }
        return "\(counted(postponed, "point")) could not be spent yet"
    }

    /// What was bought, what was not, and how to go on.
    public func report(_ task: BackfillTask) -> String {
        var lines: [String] = []
        if requests > 0 {
            let cost =
                "\(counted(candles, "candle")) with \(counted(requests, "request")): \(counted(points, "point")) spent"
            let renewal = quota.renewal.map { " until \($0.minuteText)" } ?? ""
            lines.append("Bought \(cost), \(grouped(quota.remaining)) left\(renewal)")
        }
        if unobtainable > 0 { lines.append("Not sold: \(counted(unobtainable, "candle"))") }
        if let end { lines.append("Ended early: \(end)") }
        for failure in failures { lines.append("Failed: \(failure)") }
        if postponed > 0 {
            let when =
                exitCode == .temporary && !isLimited ? quota.renewal.map { " from \($0.minuteText) on" } ?? "" : ""
            lines.append("Still wanted: \(counted(postponed, "point"))\(end == "stopped" ? "" : when)")
        }
        if exitCode != .ok { lines.append("Resume with: ingest-backfill \(task.command)") }
        if requests == 0, exitCode == .ok {
            lines.append(
                "Nothing to buy\(derived > 0 ? ": \(counted(derived, "candle")) derived from smaller ones" : "")")
        }
        if requests == 0, isStored { return lines.joined(separator: "\n") + "\n" }
        lines.append(
            isStored
                ? "The candles bought so far are in the database"
                : "The bought candles are in the journal; aggregator and store-writer store them when they run")
        return lines.joined(separator: "\n") + "\n"
    }
}
