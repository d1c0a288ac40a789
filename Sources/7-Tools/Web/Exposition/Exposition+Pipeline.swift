internal import Archive
internal import CandleReader
internal import Host
internal import IG
internal import Inspection
internal import MarketData
internal import Reports
internal import Store
internal import Wire

/// What is seen of the pipeline as a whole.
extension Exposition {
    /// - Parameter paths: of this machine's pipeline.
    mutating func add(_ view: PipelineView, paths: Paths) {
        for heard in view.seen.stages { add(heard, hasSeveral: view.seen.hasSeveral) }
        addOwnUsage()
        add(view.verdict, view.seen)
        for pair in view.seen.pairs {
            let isOpen = view.seen.calendar[pair].isOpen(at: view.seen.marketNow.seconds)
            add(PipelineMetric.inSession, isOpen ? 1 : 0, [("pair", pair.description)])
        }
        add(view.seen.stored)
        for own in view.seen.collectors {
            let name = view.seen.hasSeveral ? own.collector.name : nil
            add(own, paths.of(own.collector), name, now: view.seen.now)
        }
        add(PipelineMetric.diskFree, DiskUsage.free(at: paths.state).map { Double($0) })
        add(PipelineMetric.diskSize, DiskUsage.total(at: paths.state).map { Double($0) })
        add(PipelineMetric.backup, TimeMark.lastBackup(stateFolder: paths.state).time?.unixSeconds ?? 0)
    }

    /// The states are there also if nothing is found, so that a missing series is a fault.
    private mutating func add(_ verdict: Verdict, _ seen: Verdict.Observation) {
        for state in [Finding.State.ok, .warning, .failed] {
            add(PipelineMetric.verdict, verdict.state == state ? 1 : 0, [("state", state.rawValue)])
        }
        let owners = [nil] + (seen.hasSeveral ? seen.collectors.map(\.collector.name) : [])
        let checks = Set(Verdict.checks).union(verdict.findings.map(\.check)).sorted()
        for owner in owners {
            for check in checks {
                for state in [Finding.State.warning, .failed] {
                    let count = verdict.findings.count {
                        $0.check == check && $0.state == state && $0.collector == owner
                    }
                    add(
                        PipelineMetric.findings, Double(count),
                        [("check", check), ("state", state.rawValue), ("collector", owner)])
                }
            }
        }
    }

    mutating func add(quotes: [Pair: FormingCandles.Quote], _ pairs: [Pair]) {
        for pair in pairs {
            guard let quote = quotes[pair], let bid = quote.bid.present, let ask = quote.ask.present else { continue }
            add(PipelineMetric.spread, Double(ask.rawValue - bid.rawValue) / 1e9, [("pair", pair.description)])
        }
    }

    mutating func add(_ holes: HoleCounts, _ pairs: [Pair]) {
        for pair in pairs {
            let (counts, labels) = (holes[pair], [("pair", pair.description)] as Labels)
            add(PipelineMetric.holesOpen, Double(counts.open), labels)
            add(PipelineMetric.oldestHole, counts.oldest.map { Double($0.rawValue) }, labels)
            add(PipelineMetric.holesOfLastDay, Double(holes.lastDay?[pair]?.holes ?? 0), labels)
        }
    }

    /// What was known before the database could not be read any more is not said again.
    private mutating func add(_ stored: StoreSnapshot) {
        guard stored.failure == nil else { return }
        for line in stored.candles {
            for (state, count) in [("complete", line.complete), ("partial", line.count - line.complete)] {
                add(PipelineMetric.storedCandles, Double(count), line.series.labels + [("state", state)])
            }
        }
        add(PipelineMetric.disputedCandles, Double(stored.disputed.count))
    }

    private mutating func add(
        _ own: Verdict.CollectorObservation, _ paths: Paths, _ name: String?, now: UTCNanos
    ) {
        let labels: Labels = [("collector", name)]
        for stream in Stream.journaled {
            let size = DiskUsage.size(ofFolder: paths.journal(stream))
            add(PipelineMetric.journalBytes, Double(size), labels + [("stream", stream.rawValue)])
        }
        add(PipelineMetric.unarchived, (own.backlog?.since ?? now).unixSeconds, labels)
        add(PipelineMetric.quotaPoints, Double(own.quota.total), labels)
        add(PipelineMetric.quotaLeft, Double(own.quota.remaining), labels)
        add(PipelineMetric.quotaRenewal, own.quota.renewal.map { Double($0.rawValue) }, labels)
        for (purpose, points) in [("purchase", own.purchases.byOthers), ("repair", own.purchases.byRepair)] {
            add(PipelineMetric.quotaSpent, Double(points), labels + [("purpose", purpose)])
        }
        add(PipelineMetric.quotaRefused, Double(own.purchases.refused), labels)
        let refusal = TimeMark.loginRefused(stateFolder: paths.collectorState).time
        add(PipelineMetric.loginRefused, refusal == nil ? 0 : 1, labels)
    }
}

extension Verdict.Observation {
    /// All that are configured or streamed, by name.
    var pairs: [Pair] { Set(collectors.flatMap(\.pairs)).sorted() }
}

extension UTCNanos {
    fileprivate var unixSeconds: Double { Double(rawValue) / 1e9 }
}

extension Series {
    var labels: Exposition.Labels { [("pair", pair.description), ("timeframe", timeframe.description)] }
}
