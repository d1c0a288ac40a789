internal import HTTPService
internal import Inspection

extension Exposition {
    /// What this process's own server does.
    mutating func add(_ counts: HTTPCounts) {
        add(PipelineMetric.webConnections, Double(counts.connections))
        add(PipelineMetric.webStreams, Double(counts.streams))
        add(PipelineMetric.webRequests, Double(counts.requests))
        for (reason, count) in counts.refusals {
            add(PipelineMetric.webRefused, Double(count), [("reason", reason)])
        }
    }
}
