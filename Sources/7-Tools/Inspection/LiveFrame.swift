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

    init(_ seen: Verdict.Observation) {
        self.seen = seen
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
            return "\(stage.stage) \(table.state(stage))"
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
        for (index, text) in StageTable(stages).text(.plain).split(separator: "\n").enumerated() {
            let isDown = index > 0 && stages[index - 1].status == nil
            lines.append(Line(text: String(text), tone: index == 0 ? .heading : isDown ? .bad : .plain))
        }
        lines.append(Line(text: ""))
        // The last row stays free: writing into its last column would scroll some terminals.
        lines += pairLines(rows: size.rows - lines.count - 1, columns: size.columns)
        return lines.prefix(max(1, size.rows - 1)).map {
            Line(text: String($0.text.prefix(size.columns)), tone: $0.tone)
        }
    }

    /// One for each finding; no more than leave room for the pairs.
    private var verdictLines: [Line] {
        let findings = verdict.findings
        guard !findings.isEmpty else { return [Line(text: verdict.line, tone: .good)] }
        let shown = findings.prefix(5).map { Line(text: $0.sentence, tone: $0.tone) }
        return shown + (findings.count > 5 ? [Line(text: "… and \(findings.count - 5) more: candlewick status")] : [])
    }

    // MARK: Facts

    /// The pipeline's activity.
    private var pace: [String] {
        let rate = seen.ingest?.metrics[.ticksPerSecond].map { "\(Int($0))" } ?? "-"
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
        return [
            "\(partial) partial", "\(stored.continuity.holes.count) holes",
            "\(stored.quota.remaining) of \(stored.quota.total) points left",
        ] + (seen.free.map { ["disk \(byteText($0)) free"] } ?? [])
    }

    private var feedTime: UTCNanos? {
        seen.feedTime
    }

    private var lag: String? {
        guard let received = seen.heard(.ingestStream)?.receivedAt, let feedTime else { return nil }
        let lag = Duration.nanoseconds(received.rawValue) - .nanoseconds(feedTime.rawValue)
        // Simulated market time may run ahead of the clock: then there is nothing to lag behind.
        return lag < .zero ? nil : lag.brief
    }

    // MARK: Last candles

    private var newestText: String {
        guard let last = candles.max(by: { $0.newest < $1.newest }) else { return "no candles yet" }
        return
            "last \(last.series) \(last.newest.text()) \(last.close.formatted(decimals: 3))"
    }

    private func pairLines(rows: Int, columns: Int) -> [Line] {
        guard !candles.isEmpty else { return [Line(text: "no candles yet")] }
        let blocks = pairTable
        let width = blocks.map(\.count).max() ?? 0
        let head = blocks[0]
        let pairs = Array(blocks.dropFirst())
        let fitting = max(1, (columns + 2) / (width + 2))
        let height = max(1, rows - 1)
        let count = min(fitting, (pairs.count + height - 1) / height)
        let perColumn = (pairs.count + count - 1) / count
        let shown = min(perColumn, perColumn > height ? max(1, height - 1) : height)
        func joined(_ cells: [String]) -> String {
            cells.map { $0 + String(repeating: " ", count: width - $0.count) }.joined(separator: "  ")
        }
        var lines = [Line(text: joined(Array(repeating: head, count: count)), tone: .heading)]
        for row in 0..<shown {
            let indices = (0..<count).map { $0 * perColumn + row }.filter { $0 < pairs.count }
            lines.append(Line(text: joined(indices.map { pairs[$0] })))
        }
        if shown < perColumn { lines.append(Line(text: "… and more pairs: the window is too small")) }
        return lines
    }

    /// A heading and one line for each pair: start and mid close of the last candle of two timeframes.
    private var pairTable: [String] {
        let timeframes = Array(Set(candles.map(\.series.timeframe)).sorted().prefix(2))
        let newest = candles.map(\.newest).max() ?? UTCSeconds(rawValue: 0)
        let byPair = Dictionary(grouping: candles, by: \.series.pair)
        let longest = candles.map { $0.close.formatted(decimals: 3).count }.max() ?? 0
        let rows = byPair.keys.sorted().map { pair in
            [pair.description]
                + timeframes.map { timeframe -> String in
                    guard let last = byPair[pair]?.first(where: { $0.series.timeframe == timeframe }) else { return "" }
                    let text = last.newest.text()
                    // Within a day the time of day says it, before that the date.
                    let isRecent = newest - last.newest < .seconds(86_400)
                    let time = isRecent ? text.suffix(8).prefix(5) : text.prefix(10).suffix(5)
                    let close = last.close.formatted(decimals: 3)
                    return "\(time) \(close)" + String(repeating: " ", count: longest - close.count)
                }
        }
        let head = ["pair"] + timeframes.map(\.description)
        return TextTable(head: head, rows: rows, leftAligned: Set(head)).text.split(separator: "\n").map(String.init)
    }
}
