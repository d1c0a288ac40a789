internal import MarketData
public import Reports

extension Explanation {
    public func text(_ style: TextStyle) -> String {
        let end = start + timeframe
        let title =
            "\(pair) \(timeframe)  \(start.text()) to \(end.text().suffix(8)) UTC"
        var parts = [style.painted(title, .heading) + "\n" + decision + "\n"]
        if let stored { parts.append(table("stored", [stored] + outranked, style)) }
        if !revisions.isEmpty { parts.append(table("published", revisions, style)) }
        parts += ([ticks] + (otherTicks ?? [])).map(text)
        if !events.isEmpty {
            let rows = events.map { own($0.collector) + [shown($0.time, 23), $0.pair ?? "feed", $0.event, $0.detail] }
            let head = own("collector") + ["feed event (UTC)", "pair", "event", "detail"]
            parts.append(TextTable(head: head, rows: rows, leftAligned: Set(head)).text(style))
        }
        if !requests.isEmpty {
            let rows = requests.map { own($0.collector) + [shown($0.sent, 19), $0.outcome, String($0.points)] }
            let head = own("collector") + ["history request (UTC)", "outcome", "points"]
            parts.append(TextTable(head: head, rows: rows, leftAligned: Set(head.dropLast())).text(style))
        }
        return parts.joined(separator: "\n")
    }

    /// A column of names, if there are several collectors.
    private func own(_ collector: String) -> [String] { hasSeveral ? [collector] : [] }

    /// ISO 8601 for people, as many characters as are worth it.
    private func shown(_ time: String, _ count: Int) -> String {
        String(time.prefix(count)).replacing("T", with: " ")
    }

    private func table(_ name: String, _ versions: [Version], _ style: TextStyle) -> String {
        let rows = versions.map { version in
            [version.source] + own(version.collector) + [
                String(version.revision), version.mid.joined(separator: " "), String(version.ticks),
                String(version.blindMilliseconds), String(version.lostUpdates),
                version.flags.joined(separator: ", "), "\(version.inputStream) \(version.inputPosition)",
            ]
        }
        let head =
            [name] + own("collector")
            + ["revision", "mid: open high low close", "ticks", "blind ms", "lost", "flags", "final by"]
        return TextTable(
            head: head, rows: rows, leftAligned: [name, "collector", "mid: open high low close", "flags", "final by"]
        ).text(style)
    }

    private func text(_ ticks: Ticks) -> String {
        let owner = hasSeveral ? " of \(ticks.collector)" : ""
        guard ticks.count > 0 else { return "ticks\(owner)  none in archive or journal\n" }
        let uncounted = ticks.uncounted > 0 ? ", \(ticks.uncounted) of them not counted" : ""
        let lines = ticks.lines.map {
            let flags = $0.flags.isEmpty ? "" : "  " + $0.flags.joined(separator: ", ")
            return "  \($0.position)  \($0.brokerTime)  \($0.bid)  \($0.ask)\(flags)\n"
        }
        return "ticks\(owner)  \(ticks.count)\(uncounted), positions \(ticks.first) to \(ticks.last)\n" + lines.joined()
    }
}
