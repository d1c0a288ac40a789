public import Host
internal import MarketData
public import Planning
internal import Wire

extension Proposal {
    /// What would be bought, what it costs, and what must wait.
    public func report(_ history: Configuration.History) -> String {
        var lines = [title(history)]
        func add(_ name: String, _ text: String) { lines.append("  \(padded(name, 10))\(text)") }
        if plan.isEmpty { return lines[0] + "\n  nothing to buy: all of it is there\n" }
        let byTimeframe = Dictionary(grouping: plan.purchases, by: \.series.timeframe).sorted { $0.key < $1.key }
            .map { "\($0.key) \(grouped($0.value.reduce(0) { $0 + $1.points }))" }.joined(separator: ", ")
        let details = byTimeframe.isEmpty ? "" : ": \(byTimeframe)"
        add(
            "to buy",
            "at most \(counted(plan.points, "candle")) in \(counted(plan.purchases.count, "request"))\(details)")
        if !plan.derived.isEmpty { add("derived", "\(counted(plan.derived.count, "candle")), of smaller ones, free") }
        add(
            "points",
            "\(grouped(plan.points)) of \(grouped(quota.remaining)) left\(quota.isTold ? "" : " (not yet told by the broker)"), \(grouped(quota.remaining - plan.points)) remain; reserve \(grouped(reserve))"
        )
        if plan.postponed > 0 {
            let when = quota.renewal.map { "from \(moment($0)) on" } ?? "once the allowance renews"
            add("later", "\(counted(plan.postponed, "point")), \(when)")
        }
        if plan.unobtainable > 0 {
            add("not sold", "\(counted(plan.unobtainable, "candle")) of timeframes that the broker does not sell")
        }
        add("time", "about \(duration(seconds(of: plan.purchases.count, history)))")
        return lines.joined(separator: "\n") + "\n"
    }

    private func title(_ history: Configuration.History) -> String {
        switch task {
        case .run: "The last \(history.depth) candles of each timeframe, larger ones derived of smaller ones (run)"
        case .batch(let number): "Batch \(number), each of the last \(history.depth) candles bought (batch \(number))"
        case .repair: "What is missing or partial anywhere in the store (repair)"
        }
    }
}

/// How long so many requests take at the configured pace.
func seconds(of requests: Int, _ history: Configuration.History) -> Int {
    (max(0, requests - history.requestBurst) * history.requestSpacingMilliseconds + 999) / 1_000
}

extension FreshCost {
    /// The arithmetic of docs/quota.md for this configuration.
    /// - Parameter classic: the same with each candle bought.
    public func report(classic: FreshCost, _ history: Configuration.History) -> String {
        let spendable = history.weeklyPoints - history.reservePoints
        let choice = "\(counted(pairs, "pair")), \(counted(depth, "candle")) of each timeframe"
        var lines = ["A fresh store under this configuration: \(choice)"]
        for line in self.lines {
            let unsold = line.unobtainable > 0 ? ", \(line.unobtainable) neither sold nor derivable" : ""
            lines.append("  \(padded("\(line.timeframe)", 10))\(line.bought) bought, \(line.derived) derived\(unsold)")
        }
        let left = history.weeklyPoints - points
        let weeks = self.weeks(spending: spendable).map { counted($0, "week") } ?? "never"
        lines.append(
            "  \(padded("together", 10))\(pairs) x \(pointsPerPair) = \(counted(points, "point")) of \(grouped(history.weeklyPoints)) a week: \(left >= history.reservePoints ? "\(grouped(left)) to spare, " : "")\(weeks)"
        )
        let size = classic.pairsPerWeek(spending: spendable)
        var batches: [String] = []
        if size > 0 {
            batches = stride(from: 0, to: classic.pairs, by: size).enumerated().map { index, first in
                let count = min(size, classic.pairs - first)
                return "batch \(index + 1): \(count) pairs, \(grouped(count * classic.pointsPerPair))"
            }
        }
        lines.append(
            "  \(padded("classic", 10))each bought: \(counted(classic.points, "point"))\(batches.isEmpty ? "; no pair fits into a week" : "; " + batches.joined(separator: "; "))"
        )
        return lines.joined(separator: "\n") + "\n"
    }
}

extension QuotaLedger {
    /// What is left, and what became of the requests.
    public func report(now: Int64, reserve: Int) -> String {
        let estimate = estimate(now: now)
        var lines = [
            "\(grouped(estimate.remaining)) of \(grouped(estimate.total)) points left, \(grouped(reserve)) of them the reserve"
        ]
        if !estimate.isTold {
            lines.append(
                "  the broker has not said so yet: \(entries.isEmpty ? "nothing was ever asked" : "a new week since its last word")"
            )
        }
        if let renewal = estimate.renewal { lines.append("  they renew \(moment(renewal))") }
        lines.append("  \(counted(entries.count, "request")) on record, \(counted(paid, "point")) paid")
        if !inFlight.isEmpty {
            let points = inFlight.reduce(0) { $0 + $1.request.points }
            lines.append(
                "  \(counted(inFlight.count, "request")) in flight when a process ended: at most \(counted(points, "point")) paid in vain"
            )
            for entry in inFlight.suffix(10) {
                lines.append(
                    "    \(moment(entry.request.sent.seconds))  \(entry.request.series)  \(counted(entry.request.points, "point"))"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension BackfillSummary {
    /// Why it is not all done, in a sentence.
    public var reason: String {
        if let end { return end }
        return failures.isEmpty
            ? "\(counted(postponed, "point")) could not be spent yet" : "\(counted(failures.count, "purchase")) failed"
    }

    /// What was bought, what was not, and how to go on.
    public func report(_ task: BackfillTask) -> String {
        var lines: [String] = []
        if requests > 0 {
            lines.append(
                "Bought \(counted(candles, "candle")) with \(counted(requests, "request")): \(counted(points, "point")) spent, \(grouped(quota.remaining)) left\(quota.renewal.map { " until \(moment($0))" } ?? "")"
            )
        }
        if let end { lines.append("Ended early: \(end)") }
        for failure in failures { lines.append("Failed: \(failure)") }
        if postponed > 0 {
            let when = end == "stopped" ? "" : quota.renewal.map { " from \(moment($0)) on" } ?? ""
            lines.append("Still wanted: \(counted(postponed, "point"))\(when)")
        }
        if exitCode != .ok { lines.append("Resume with: ingest-backfill \(task.command)") }
        lines.append(
            isStored
                ? (requests > 0 ? "All of it is in the database" : "Nothing to buy: all of it is there")
                : "It is in the journal, and comes into the database as soon as aggregator and store-writer run")
        return lines.joined(separator: "\n") + "\n"
    }
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}
