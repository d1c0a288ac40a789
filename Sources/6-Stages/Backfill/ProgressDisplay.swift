internal import Reports
public import Host
internal import IG
internal import MarketData
public import Planning
public import Settings

/// Progress on standard output: a bar on a terminal, else a line for each pair that is done.
public final class ProgressDisplay: BackfillProgress {
    private let clock: Clock
    private let columns: Int?
    private var purchasesLeft: [Pair: Int] = [:]
    private var failed: Set<Pair> = []
    private var pairCount = 0
    private var purchaseCount = 0
    private var doneCount = 0
    private var began: Int64 = 0
    /// When the last line was written, if there is no bar.
    private var spokeAt: Int64 = 0
    /// After so long without a line a listener wonders.
    private static let silenceMax = 10 * UTCNanos.perSecond
    private var pace = Configuration.History()

    /// - Parameter columns: of the terminal; `nil`: not a terminal.
    public init(clock: Clock, columns: Int?) {
        self.clock = clock
        self.columns = columns
    }

    public func serves(_ endpoint: String) {
        // For supervisors and scripts; on a terminal no reader needs it.
        if columns == nil { Program.ready([("history", endpoint)]) }
    }

    public func began(_ proposal: Proposal, pace: Configuration.History) {
        self.pace = pace
        began = clock.monotonic()
        spokeAt = began
        doneCount = 0
        purchaseCount = proposal.plan.purchases.count
        purchasesLeft = [:]
        failed = []
        for purchase in proposal.plan.purchases { purchasesLeft[purchase.series.pair, default: 0] += 1 }
        pairCount = purchasesLeft.count
        draw(spent: 0, left: proposal.quota.remaining)
    }

    public func waits(_ seconds: Int, _ reason: String) {
        // The pace is in the estimate of the time left.
        guard seconds > 10 else { return }
        let text = "waiting \(Duration.seconds(seconds).wholeSeconds): \(reason)"
        Program.write(standardOutput: (columns.map { line(text, $0) } ?? text) + "\n")
    }

    public func finished(_ purchase: Purchase, failure: String?, _ summary: BackfillSummary) {
        doneCount += 1
        let pair = purchase.series.pair
        purchasesLeft[pair, default: 1] -= 1
        if failure != nil { failed.insert(pair) }
        if columns != nil { return draw(spent: summary.points, left: summary.quota.remaining) }
        let isPairDone = purchasesLeft[pair] == 0
        let now = clock.monotonic()
        guard isPairDone || now >= spokeAt + ProgressDisplay.silenceMax else { return }
        spokeAt = now
        let what = isPairDone ? "\(pair) \(failed.contains(pair) ? "failed" : "done")" : "buying"
        let state = "\(pairsDone)/\(pairCount) pairs, \(counted(summary.points, "point")) spent"
        Program.write(standardOutput: "\(what): \(state), \(grouped(summary.quota.remaining)) left\n")
    }

    /// Ends the bar's line.
    public func end() {
        if columns != nil, purchaseCount > 0 { Program.write(standardOutput: "\n") }
    }

    private var pairsDone: Int { purchasesLeft.count { $0.value <= 0 } }

    private func draw(spent: Int, left: Int) {
        guard let columns, purchaseCount > 0 else { return }
        let text =
            " \(pairsDone)/\(pairCount) pairs, \(grouped(spent)) points spent, \(grouped(left)) left, \(remaining)"
        let width = max(5, min(40, columns - text.count - 3))
        let filled = width * doneCount / purchaseCount
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        Program.write(standardOutput: line("[\(bar)]\(text)", columns))
    }

    /// By the mean so far, or the pace where that is slower.
    private var remaining: String {
        let requests = purchaseCount - doneCount
        if requests == 0 { return "done" }
        let elapsed = Double(clock.monotonic() - began) / 1e9
        let mean = doneCount > 0 ? elapsed / Double(doneCount) * Double(requests) : 0
        return "ETA \(Duration.seconds(max(Int(mean), seconds(of: requests, pace))).wholeSeconds)"
    }

    private func line(_ text: String, _ columns: Int) -> String {
        let cut = String(text.prefix(columns - 1))
        return "\r" + cut + String(repeating: " ", count: max(0, columns - 1 - cut.count))
    }
}
