internal import Host
internal import Inspection
internal import Streams
internal import Wire

/// What the stages say of themselves.
extension Exposition {
    /// A stage that is silent has no value but that.
    /// - Parameter hasSeveral: collectors, so that each value needs its collector's name.
    mutating func add(_ heard: StatusListener.Heard, hasSeveral: Bool) {
        let (stage, owner) = (heard.stage.name, heard.collector?.name)
        func labels(of collector: String?) -> Labels {
            [("stage", stage), ("collector", hasSeveral ? collector : nil)]
        }
        add(PipelineMetric.stageUp, heard.status == nil ? 0 : 1, labels(of: owner))
        guard let status = heard.status else { return }
        for metric in Metric.allCases {
            for (labels, value) in status.metrics.values(metric, labels, owner) { add(metric, value, labels) }
            for (label, value) in status.metrics.histograms(metric).sorted(by: { $0.key < $1.key }) {
                add(metric, value, labels(of: owner) + (metric.label.map { [($0, label)] } ?? []))
            }
        }
        for input in status.inputs {
            let labels = labels(of: owner ?? input.collector ?? Collector.main.name) + [("stream", input.stream)]
            add(PipelineMetric.consumerPosition, Double(input.position), labels)
            add(PipelineMetric.consumerLive, input.isLive && input.failure == nil ? 1 : 0, labels)
        }
        for output in status.outputs {
            let labels = labels(of: owner ?? output.collector ?? Collector.main.name) + [("stream", output.stream)]
            add(PipelineMetric.streamPosition, Double(output.position), labels)
        }
    }

    /// What this process uses.
    mutating func addOwnUsage() {
        var metrics = MetricValues()
        metrics.note(ProcessUsage())
        for metric in Metric.allCases {
            for (labels, value) in metrics.values(metric, { _ in [("stage", "candlewick-web")] }, nil) {
                add(metric, value, labels)
            }
        }
    }
}

extension MetricValues {
    /// The values of a metric that is no histogram, with their labels, in the order of the labels.
    /// - Parameters:
    ///   - labels: those of each value of a collector.
    ///   - owner: the collector of all values; `nil`: that which the label `stream` names, if any.
    fileprivate func values(
        _ metric: Metric, _ labels: (_ collector: String?) -> Exposition.Labels, _ owner: String?
    ) -> [(Exposition.Labels, Double)] {
        if let value = self[metric] { return [(labels(owner), value)] }
        guard let name = metric.label else { return [] }
        return all(metric).sorted { $0.key < $1.key }.map { label, value in
            guard name == "stream" else { return (labels(owner) + [(name, label)], value) }
            // As `StreamReader.report` writes it: NAME/stream, or the stream alone of `main`.
            let parts = label.split(separator: "/", maxSplits: 1)
            let collector = parts.count > 1 ? String(parts[0]) : Collector.main.name
            return (labels(owner ?? collector) + [(name, parts.last.map(String.init))], value)
        }
    }
}
