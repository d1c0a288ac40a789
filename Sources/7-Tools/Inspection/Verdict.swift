internal import Host
internal import MarketData
package import Reports
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// What is wrong with the pipeline at one moment, since when, and what to do about it: the one judgement that `status`,
/// `top`, `doctor` and `gaps --check` show. A function of what was observed alone.
///
/// Times are the market's: the host's clock plus the offset that ingest-stream has learned. Silence of feed, pairs and
/// candles is judged only while a market is open (`TradingHours`). Each collector is judged by itself (`CollectorJudge`),
/// then what they share. Source: docs/operations.md § Verdict.
package struct Verdict: Sendable {
    /// What is looked at: the checks of all findings.
    package static let checks = [
        "archive", "assumption", "candles", "clock", "configuration", "database", "disk", "feed", "pair", "quota",
        "stages", "store",
    ]

    /// What deserves a look; empty if all is well.
    package let findings: [Finding]

    /// The worst of all. `failed`: a monitor should alert a person.
    package var state: Finding.State {
        if findings.contains(where: { $0.state == .failed }) { return .failed }
        return findings.isEmpty ? .ok : .warning
    }

    /// What failed, each a short sentence without its end.
    package var failures: [String] { findings.filter { $0.state == .failed }.map(\.sentence) }

    /// In one line.
    package var line: String { findings.isEmpty ? "all is well" : findings.map(\.sentence).joined(separator: "; ") }

    /// A line for each finding, with what to do about it.
    func text(_ style: TextStyle) -> String {
        guard !findings.isEmpty else { return style.painted("all is well", .good) + "\n" }
        return findings.map { $0.text(mark: style.painted($0.stateText, $0.tone)) }.joined()
    }

    /// Bytes that each disk must have free that the stages write to.
    static let freeMin: Int64 = 200_000_000
    /// Below this it deserves a look: a busy day of 28 pairs adds some hundred MB.
    static let freeWanted: Int64 = 2_000_000_000
    static let diskAdvice = "free some space: on a full disk the stages stop with code 74"

    static let databaseAdvice =
        "if it is on a server, start that: store-writer is started again until it finds it; else read the log of store-writer"

    package init(_ observation: Observation) {
        let shared = SharedJudge(seen: observation)
        let judges = observation.collectors.map { CollectorJudge(observation, $0) }
        findings =
            judges.flatMap(\.stages) + shared.storeWriter + judges.flatMap(\.unstored) + shared.database + shared.disk
            + shared.disagreements
            + judges.flatMap(\.feed) + judges.flatMap(\.blindPairs) + judges.flatMap(\.silentPairs) + shared.candles
            + shared.disputes + judges.flatMap(\.clock) + judges.flatMap(\.quota) + judges.flatMap(\.archive)
            + judges.flatMap(\.assumptions)
    }

    /// Looks at what the collectors share.
    private struct SharedJudge {
        let seen: Observation

        /// A single collector's stages are judged together with it.
        var storeWriter: [Finding] {
            guard seen.hasSeveral, let writer = seen.storeWriter, writer.status == nil else { return [] }
            return [Verdict.notRunning([.storeWriter])]
        }

        var database: [Finding] {
            guard let failure = seen.stored.failure else { return [] }
            return [Finding("database", "", .failed, failure, Verdict.databaseAdvice)]
        }

        var disk: [Finding] {
            guard let free = seen.free, free < Verdict.freeWanted else { return [] }
            let state: Finding.State = free < Verdict.freeMin ? .failed : .warning
            return [Finding("disk", "", state, "only \(byteText(free)) of disk free", Verdict.diskAdvice)]
        }

        var disagreements: [Finding] {
            seen.disagreements.map { disagreement in
                switch disagreement.kind {
                case .scale:
                    Finding(
                        "configuration", "\(disagreement.pair)", .failed, "has \(disagreement.text)",
                        "its prices are wrong in one of them: correct that file, and restart the collector's stages")
                case .hours:
                    Finding(
                        "configuration", "\(disagreement.pair)", .warning, "has \(disagreement.text)",
                        "the first is used here: write the same hours in both files")
                }
            }
        }

        var candles: [Finding] {
            guard !seen.stored.candles.isEmpty else {
                if seen.stored.failure != nil { return [] }
                return [
                    Finding(
                        "candles", "", seen.isOpen ? .failed : .warning, "no candle is stored",
                        "wait: the first candle comes after the first complete interval")
                ]
            }
            // What was only bought or imported is not expected to go on.
            let streamed = seen.stored.candles.filter {
                $0.bySource[.streamed] != nil && seen.timeframes.contains($0.series.timeframe)
            }
            let states = streamed.map { ($0, seen.freshness($0)) }
            // A pair may be quiet. All of a timeframe are not.
            let dead = Dictionary(grouping: states, by: \.0.series.timeframe).filter {
                $0.value.allSatisfy(\.1.isStale)
            }
            let advice = "candlewick status shows each pair; candlewick tap feed shows the feed's events"
            if !dead.isEmpty {
                return dead.keys.sorted().map { Finding("candles", "", .failed, "no fresh candle of \($0)", advice) }
            }
            let stale = states.count { $0.1.isStale }
            guard stale * 2 > states.count else { return [] }
            return [Finding("candles", "", .failed, "more than half of the pairs are stale", advice)]
        }

        /// Of the last day.
        var disputes: [Finding] {
            let disputed = seen.stored.disputed
            guard disputed.count > 0, let newest = disputed.newest else { return [] }
            return [
                Finding(
                    "candles", "", .warning,
                    "the broker's own candles dispute \(disputed.count) of the last day, the newest of \(newest.text()) UTC",
                    "ticks may be missing: candlewick compare shows each")
            ]
        }
    }

    /// - Parameter instance: of the first one's unit.
    static func notRunning(_ stages: [Stage], instance: String? = nil) -> Finding {
        Finding(
            "stages", "", .failed, "not running: \(stages.map(\.name).joined(separator: ", "))",
            "systemctl start candlewick.target, or candlewick run; then journalctl -u \(unit(stages[0], instance))")
    }

    /// The systemd unit of a stage.
    static func unit(_ stage: Stage, _ instance: String?) -> String {
        "candlewick-\(stage.name)" + (stage.isOfCollector ? instance.map { "@\($0)" } ?? "" : "")
    }
}

extension Finding {
    /// Such as `EUR_USD blind since …`, with the collector before it if there are several.
    package var sentence: String {
        (collector.map { "\($0): " } ?? "") + (subject.isEmpty ? finding : "\(subject) \(finding)")
    }

    var tone: TextStyle.Tone {
        switch state {
        case .ok: .good
        case .warning: .warning
        case .failed: .bad
        }
    }
}
