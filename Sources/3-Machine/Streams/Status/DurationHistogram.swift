/// Durations by size, counted since the start of the process. Noting one allocates nothing.
public struct DurationHistogram: Sendable {
    /// The longest duration of each bucket but the last, ns: 1, 2 and 5 ms, and so on up to a minute.
    private static let edges: [Int64] = [
        1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000, 200_000_000, 500_000_000,
        1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000, 20_000_000_000, 60_000_000_000,
    ]
    /// In seconds.
    private static let names = edges.map { edge in
        edge % 1_000_000_000 == 0 ? "\(edge / 1_000_000_000)" : "\(Double(edge) / 1e9)"
    }

    private var counts = [UInt64](repeating: 0, count: edges.count + 1)
    private var sum: Int64 = 0

    public init() {}

    /// - Parameter nanos: a duration.
    public mutating func note(_ nanos: Int64) {
        var bucket = 0
        while bucket < Self.edges.count, nanos > Self.edges[bucket] { bucket += 1 }
        counts[bucket] &+= 1
        sum &+= nanos
    }

    public var value: HistogramValue {
        var total: UInt64 = 0
        var buckets: [String: Double] = [:]
        for (name, count) in zip(Self.names, counts) {
            total += count
            buckets[name] = Double(total)
        }
        return HistogramValue(
            buckets: buckets, sum: Double(sum) / 1e9, count: Double(total + counts[Self.edges.count]))
    }
}
