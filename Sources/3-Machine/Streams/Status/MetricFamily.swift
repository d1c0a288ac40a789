/// Values under one name. The raw value is the name, by the conventions of Prometheus: base units, the unit in the name,
/// `_total` for what only rises.
public protocol MetricFamily: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    var kind: MetricKind { get }
    /// What distinguishes the values, if there are several.
    var labels: [String] { get }
    /// A sentence without its end.
    var help: String { get }
}

/// What Prometheus calls the type of a metric.
public enum MetricKind: String, Sendable {
    /// Only rises while its process lives.
    case counter
    case gauge
    /// Measurements by size.
    case histogram
}

extension MetricFamily {
    public var name: String { rawValue }

    public var kind: MetricKind { name.hasSuffix("_total") ? .counter : .gauge }

    /// Of the values: `seconds`, `bytes`, or nothing. Timestamps are Unix seconds.
    public var unit: String {
        let name = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
        return ["seconds", "bytes"].first { name.hasSuffix("_\($0)") } ?? ""
    }
}
