public import Host

/// The values of a stage's metrics: JSON numbers by name, or by name and label; of a histogram, objects in their place.
public struct MetricValues: Hashable, Sendable {
    private enum Value: Hashable, Sendable {
        case one(Double)
        case byLabel([String: Double])
        case histogram(HistogramValue)
        case histograms([String: HistogramValue])
    }

    private var values: [String: Value] = [:]

    public init() {}

    public subscript(metric: Metric) -> Double? {
        get {
            guard case .one(let value) = values[metric.name] else { return nil }
            return value
        }
        set { values[metric.name] = newValue.map { .one($0) } }
    }

    public subscript(metric: Metric, label: String) -> Double? {
        get { all(metric)[label] }
        set {
            var labelled = all(metric)
            labelled[label] = newValue
            values[metric.name] = .byLabel(labelled)
        }
    }

    /// All values of a metric that has a label.
    public func all(_ metric: Metric) -> [String: Double] {
        guard case .byLabel(let values) = values[metric.name] else { return [:] }
        return values
    }

    /// The histograms of a metric by its label; the label of a metric without one is empty.
    public func histograms(_ metric: Metric) -> [String: HistogramValue] {
        switch values[metric.name] {
        case .histogram(let value): ["": value]
        case .histograms(let values): values
        default: [:]
        }
    }

    /// Sets all values of a metric that has a label.
    public mutating func set(_ metric: Metric, byLabel values: [String: Double]) {
        self.values[metric.name] = .byLabel(values)
    }

    public mutating func set(_ metric: Metric, _ value: some BinaryInteger) { self[metric] = Double(value) }

    /// A time in seconds from one in nanoseconds.
    public mutating func set(_ metric: Metric, nanos: Int64) { self[metric] = Double(nanos) / 1e9 }

    public mutating func set(_ metric: Metric, _ histogram: HistogramValue) {
        values[metric.name] = .histogram(histogram)
    }

    /// Sets all histograms of a metric that has a label.
    public mutating func set(_ metric: Metric, byLabel histograms: [String: HistogramValue]) {
        values[metric.name] = .histograms(histograms)
    }

    /// What a process uses, and which version of the program it runs.
    public mutating func note(_ usage: ProcessUsage) {
        self[.build, Program.version] = 1
        self[.processStart] = usage.start
        self[.processTime] = usage.time
        set(.processMemory, usage.resident)
        set(.processFiles, usage.files)
    }

    /// A value in seconds as whole nanoseconds: off by less than a microsecond.
    public func nanos(_ metric: Metric, _ label: String? = nil) -> Int64? {
        guard let seconds = label.map({ self[metric, $0] }) ?? self[metric], abs(seconds) < 9e9 else { return nil }
        return Int64((seconds * 1e9).rounded())
    }
}

/// How many measurements were at most so large, as Prometheus wants them.
public struct HistogramValue: Codable, Hashable, Sendable {
    /// Measurements up to each edge, those of the smaller edges included; the edges as text, `+Inf` not among them.
    public let buckets: [String: Double]
    /// Of all measurements.
    public let sum: Double
    public let count: Double

    public init(buckets: [String: Double], sum: Double, count: Double) {
        (self.buckets, self.sum, self.count) = (buckets, sum, count)
    }
}

extension MetricValues: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        init(stringValue: String) { self.stringValue = stringValue }
        var intValue: Int? { nil }
        init?(intValue: Int) { nil }
    }

    /// Values of a form that this version does not know are left out.
    public init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Name.self)
        for name in object.allKeys {
            if let value = try? object.decode(Double.self, forKey: name) {
                values[name.stringValue] = .one(value)
            } else if let labelled = try? object.decode([String: Double].self, forKey: name) {
                values[name.stringValue] = .byLabel(labelled)
            } else if let histogram = try? object.decode(HistogramValue.self, forKey: name) {
                values[name.stringValue] = .histogram(histogram)
            } else if let histograms = try? object.decode([String: HistogramValue].self, forKey: name) {
                values[name.stringValue] = .histograms(histograms)
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Name.self)
        for (name, value) in values {
            let name = Name(stringValue: name)
            switch value {
            case .one(let value): try object.encode(value, forKey: name)
            case .byLabel(let values): try object.encode(values, forKey: name)
            case .histogram(let value): try object.encode(value, forKey: name)
            case .histograms(let values): try object.encode(values, forKey: name)
            }
        }
    }
}
