internal import CandleReader
internal import Reports
internal import Host
internal import IG
internal import MarketData
internal import Planning
internal import Store
internal import Streams
internal import Wire

/// The live view at one moment, as text.
struct LiveFrame {
    private let seen: Verdict.Observation
    private let verdict: Verdict
    private let quotes: [Pair: FormingCandles.Quote]

    /// - Parameter quotes: the present ones; empty if `aggregator` publishes none.
    init(_ seen: Verdict.Observation, quotes: [Pair: FormingCandles.Quote] = [:]) {
        (self.seen, self.quotes) = (seen, quotes)
        verdict = Verdict(seen)
    }

    private var now: UTCNanos { seen.now }
    private var stages: [StatusListener.Heard] { seen.stages }
    private var stored: StoreSnapshot { seen.stored }
    private var candles: [SeriesStatistics] { stored.candles }

    struct Line {
        var text: String
        var tone = TextStyle.Tone.plain
    }

    /// All in one line, for logs and pipes.
    var line: String {
        let table = StageTable(stages)
        let states = stages.map { stage in
            let behind = table.behind(stage)
            let name = seen.hasSeveral ? stage.collector.map { "\($0) " } ?? "" : ""
            return "\(name)\(stage.stage) \(table.state(stage))"
                + (behind.isEmpty || behind == "0" ? "" : " (\(behind) behind)")
        }
        let parts = [now.text() + "Z", verdict.line] + pace + [delay.line] + states + [newestText]
        return parts.filter { !$0.isEmpty }.joined(separator: " | ")
    }

    /// Lines that fit the terminal; pairs stand in several columns if the height does not suffice.
    func screen(_ size: Terminal.Size) -> [Line] {
        var lines = [
            Line(text: "candlewick  \(now.text()) UTC", tone: .heading), Line(text: pace.joined(separator: "  ")),
            Line(text: delay.line), Line(text: stock.joined(separator: "  ")),
        ]
        lines += verdictLines
        lines.append(Line(text: ""))
        lines += stageLines
        lines.append(Line(text: ""))
        // The last row stays free: writing into its last column would scroll some terminals.
        lines += LivePairs(candles: candles, quotes: quotes)
            .lines(rows: size.rows - lines.count - 1, columns: size.columns)
        return lines.prefix(max(1, size.rows - 1)).map {
            Line(text: String($0.text.prefix(size.columns)), tone: $0.tone)
        }
    }

    /// One for each stage; of several collectors one for each of them, since the pairs need room.
    private var stageLines: [Line] {
        let table = StageTable(stages)
        let usual = zip(table.text(.plain).split(separator: "\n"), [false] + stages.map { $0.status == nil })
        let all = seen.hasSeveral ? table.compact : usual.map { (String($0), $1) }
        return all.enumerated().map { index, line in
            Line(text: line.0, tone: index == 0 ? .heading : line.1 ? .bad : .plain)
        }
    }

    /// One for each finding; no more than leave room for the pairs.
    private var verdictLines: [Line] {
        let findings = verdict.findings
        guard !findings.isEmpty else { return [Line(text: verdict.line, tone: .good)] }
        let shown = findings.prefix(findings.count > 5 ? 4 : 5).map { Line(text: $0.sentence, tone: $0.tone) }
        return shown + (findings.count > 5 ? [Line(text: "… and \(findings.count - 4) more: candlewick status")] : [])
    }

    // MARK: Facts

    /// The pipeline's activity.
    private var pace: [String] {
        let rates = seen.collectors.compactMap { $0.ingest?.metrics[.ticksPerSecond] }
        let rate = rates.isEmpty ? "-" : "\(rates.reduce(0) { $0 + Int($1) })"
        let count = candles.reduce(0) { $0 + $1.count }
        return [
            "\(rate) ticks/s", "\(count) candles of \(Set(candles.map(\.series.pair)).count) pairs",
            "\(delay.revised) revised",
            "feed \(feedTime.map { String($0.text().suffix(8)) } ?? "-")",
        ] + (lag.map { ["lag \($0)"] } ?? [])
    }

    private var delay: DelayReport { seen.delay }

    /// Remaining points and disk, missing candles.
    private var stock: [String] {
        let partial = candles.reduce(0) { $0 + $1.count - $1.complete }
        let holes = seen.collectors.reduce(0) { $0 + $1.continuity.holes.count }
        let quotas = seen.collectors.map(\.quota)
        let (remaining, total) = quotas.reduce((0, 0)) { ($0.0 + $1.remaining, $0.1 + $1.total) }
        return [
            "\(partial) partial", "\(holes) holes", "\(remaining) of \(total) points left",
        ] + (seen.free.map { ["disk \(byteText($0)) free"] } ?? [])
    }

    private var feedTime: UTCNanos? {
        seen.feedTime
    }

    private var lag: String? {
        // Of the feed that is the furthest.
        let newest = seen.collectors.max { $0.feedTime?.rawValue ?? 0 < $1.feedTime?.rawValue ?? 0 }
        guard let received = newest?.heard(.ingestStream)?.receivedAt, let feedTime else { return nil }
        let lag = Duration.nanoseconds(received.rawValue) - .nanoseconds(feedTime.rawValue)
        // Simulated market time may run ahead of the clock: then there is nothing to lag behind.
        return lag < .zero ? nil : lag.brief
    }

    // MARK: Last candles

    private var newestText: String {
        guard let last = candles.max(by: { $0.newest < $1.newest }) else {
            return seen.stored.failure == nil ? "no candles yet" : "candles unknown"
        }
        return
            "last \(last.series) \(last.newest.text()) \(last.close.formatted(decimals: 3))"
    }
}
