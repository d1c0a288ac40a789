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
    public internal(set) var metrics: MetricValues

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
