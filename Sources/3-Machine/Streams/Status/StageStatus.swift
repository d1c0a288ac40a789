public import MarketData
public import Wire

/// The status that a stage publishes once a second. Source: docs/formats.md § 4.
public struct StageStatus: Codable, Hashable, Sendable {
    /// How far a stage has taken a stream.
    public struct Input: Codable, Hashable, Sendable {
        /// The name of the stream.
        public let stream: String
        /// Of the last record taken; 0 before the first.
        public let position: UInt64
        /// The journal is read to its end, and records come from the bus.
        public let isLive: Bool
        /// Whose stream it is; `nil`: that of `main`.
        public let collector: String?
        /// Why the stream cannot be read; `nil` if it can.
        public let failure: String?

        public init(
            _ stream: Wire.Stream, of collector: Collector = .main, position: UInt64, isLive: Bool,
            failure: String? = nil
        ) {
            (self.stream, self.position, self.isLive) = (stream.rawValue, position, isLive)
            (self.collector, self.failure) = (collector.label, failure)
        }
    }

    /// How far a stage has written a stream.
    public struct Output: Codable, Hashable, Sendable {
        /// The name of the stream.
        public let stream: String
        /// Of the last record; 0 before the first.
        public let position: UInt64
        /// Whose records they are, in the output of a stage that serves all collectors; `nil`: those of `main`.
        public let collector: String?

        public init(_ stream: Wire.Stream, of collector: Collector = .main, position: UInt64) {
            (self.stream, self.position) = (stream.rawValue, position)
            self.collector = collector.label
        }
    }

    /// The name of the stage.
    public let stage: String
    /// By the host's clock, ns since 1970 UTC.
    public let time: Int64
    /// One or two words, such as `streaming`, `live` or `catching up`.
    public let state: String
    public let inputs: [Input]
    public let outputs: [Output]
    public let metrics: MetricValues

    public init(
        _ stage: Stage, time: UTCNanos, state: String, inputs: [Input] = [], outputs: [Output], metrics: MetricValues
    ) {
        self.stage = stage.name
        self.time = time.rawValue
        (self.state, self.inputs, self.outputs, self.metrics) = (state, inputs, outputs, metrics)
    }

    /// Position of the last record taken of a collector's stream; `nil` if the stage does not read it.
    public func taken(_ stream: Wire.Stream, of collector: Collector = .main) -> UInt64? {
        inputs.first { $0.stream == stream.rawValue && $0.collector == collector.label }?.position
    }

    /// Position of the last record of a collector's written to a stream; `nil` if the stage does not write it.
    public func written(_ stream: Wire.Stream, of collector: Collector = .main) -> UInt64? {
        outputs.first { $0.stream == stream.rawValue && $0.collector == collector.label }?.position
    }

    /// How long ago a moment was that a metric gives, ns; `nil` without it.
    public func age(_ metric: Metric, _ label: String? = nil) -> Int64? {
        metrics.nanos(metric, label).map { time - $0 }
    }
}

/// The values of a stage's metrics: JSON numbers by name, or by name and label.
public struct MetricValues: Hashable, Sendable {
    private enum Value: Hashable, Sendable {
        case one(Double)
        case byLabel([String: Double])
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

    /// Sets all values of a metric that has a label.
    public mutating func set(_ metric: Metric, byLabel values: [String: Double]) {
        self.values[metric.name] = .byLabel(values)
    }

    public mutating func set(_ metric: Metric, _ value: some BinaryInteger) { self[metric] = Double(value) }

    /// A time in seconds from one in nanoseconds.
    public mutating func set(_ metric: Metric, nanos: Int64) { self[metric] = Double(nanos) / 1e9 }

    /// A value in seconds as whole nanoseconds: off by less than a microsecond.
    public func nanos(_ metric: Metric, _ label: String? = nil) -> Int64? {
        guard let seconds = label.map({ self[metric, $0] }) ?? self[metric], abs(seconds) < 9e9 else { return nil }
        return Int64((seconds * 1e9).rounded())
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
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Name.self)
        for (name, value) in values {
            switch value {
            case .one(let value): try object.encode(value, forKey: Name(stringValue: name))
            case .byLabel(let values): try object.encode(values, forKey: Name(stringValue: name))
            }
        }
    }
}
