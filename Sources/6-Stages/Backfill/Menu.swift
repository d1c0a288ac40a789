internal import Engines
internal import Store
internal import Reports
public import Host
internal import IG
internal import MarketData
internal import Planning
public import Settings

/// What a person at a terminal chooses from: every task with its cost, which is asked about before it is spent.
public final class Menu {
    private let backfill: Backfill
    private let paths: Paths
    private let configuration: Configuration
    private let clock: Clock
    private let progress: ProgressDisplay
    private let read: () -> String?

    private static let batchesMax = 9

    private enum Entry {
        case task(BackfillTask)
        case status, quota, quit
    }

    /// - Parameter read: a line that the person typed; `nil` at the end of input, and once a stop was asked for.
    public init(
        backfill: Backfill, paths: Paths, configuration: Configuration, clock: Clock, progress: ProgressDisplay,
        read: @escaping () -> String?
    ) {
        self.backfill = backfill
        self.paths = paths
        self.configuration = configuration
        self.clock = clock
        self.progress = progress
        self.read = read
    }

    /// Until the person quits.
    public func run() throws {
        while true {
            let entries = try self.entries()
            say("\nHistory within the quota\n" + (try quotaLine()))
            for (index, entry) in entries.enumerated() { say("  \(index + 1)  \(try title(entry))\n") }
            say("Choose 1 to \(entries.count), or q to quit: ")
            guard let answer = read()?.trimmed else { return say("\n") }
            if answer.isEmpty { continue }
            guard let number = Int(answer), entries.indices.contains(number - 1) else {
                if ["q", "quit", "exit"].contains(answer.lowercased()) { return }
                say("'\(answer)' is not a number from 1 to \(entries.count).\n")
                continue
            }
            if case .quit = entries[number - 1] { return }
            do {
                try carryOut(entries[number - 1])
            } catch let failure as Failure where failure.code == .temporary || failure.code == .unavailable {
                say("\(failure)\n")
            }
        }
    }

    private func entries() throws -> [Entry] {
        let count = backfill.batchCount()
        if count > Menu.batchesMax { say("  (batches above \(Menu.batchesMax): ingest-backfill batch N)\n") }
        let batches = (0..<min(count, Menu.batchesMax)).map { Entry.task(.batch($0 + 1)) }
        return [.task(.run)] + batches + [.task(.repair), .status, .quota, .quit]
    }

    private func title(_ entry: Entry) throws -> String {
        switch entry {
        case .task(let task):
            let proposal = try backfill.propose(task)
            let plan = proposal.plan
            let cost = plan.isEmpty ? proposal.nothing : counted(plan.points + plan.postponed, "point")
            return padded(try name(task), 34) + cost
        case .status: return "Database status"
        case .quota: return "Quota"
        case .quit: return "Quit"
        }
    }

    private func name(_ task: BackfillTask) throws -> String {
        switch task {
        case .run: "The one-week plan"
        case .batch(let number): "Batch \(number) (\(backfill.batchPairs(number).count) pairs)"
        case .repair: "Repair holes"
        }
    }

    private func quotaLine() throws -> String {
        let estimate = try backfill.ledger().estimate(now: clock.now().seconds)
        return "\(grouped(estimate.remaining)) of \(grouped(estimate.total)) points left\n"
    }

    private func carryOut(_ entry: Entry) throws {
        switch entry {
        case .task(let task): try buy(task)
        case .status: say(try DatabaseSummary.text(paths, configuration))
        case .quota: say(try backfill.ledger().report(now: clock.now().seconds, reserve: backfill.reserve))
        case .quit: break
        }
    }

    /// Shows what a task would buy, asks if it costs something, and buys.
    /// - Returns: `nil` where nothing was bought.
    @discardableResult
    public func buy(_ task: BackfillTask) throws -> BackfillSummary? {
        let proposal = try backfill.propose(task)
        say(proposal.report(configuration.history))
        guard !proposal.plan.isEmpty, proposal.refusal == nil else { return nil }
        guard try proposal.plan.points == 0 || agrees(to: proposal.plan.points) else {
            say("\nNothing was bought.\n")
            return nil
        }
        let summary = try backfill.carryOut(task, limit: proposal.plan.points, progress: progress)
        progress.end()
        say(summary.report(task))
        return summary
    }

    private func agrees(to points: Int) throws -> Bool {
        try backfill.checkCredentials()
        say("Spend at most \(counted(points, "point"))? [y/N] ")
        return ["y", "yes"].contains(read()?.trimmed.lowercased())
    }

    private func say(_ text: String) { Program.write(standardOutput: text) }
}

@available(*, unavailable)
extension Menu: Sendable {}

extension String {
    fileprivate var trimmed: String { String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()) }
}
