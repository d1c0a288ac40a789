public import MarketData

/// Counts where assumptions held and where they did not. Cheap enough for each tick.
public struct AssumptionTally: Sendable {
    /// How often one assumption held, and when it did not.
    public struct Count: Codable, Hashable, Sendable {
        public var held: UInt64 = 0
        public var violated: UInt64 = 0
        /// The first and the last violation. Seconds since 1970, by the host's clock.
        public var firstViolation: Int64?
        public var lastViolation: Int64?
        /// What the last violation was: numbers, codes and epics; never a secret.
        public var note: String?

        public init() {}

        /// The sum of two countings.
        public mutating func add(_ other: Count) {
            held &+= other.held
            violated &+= other.violated
            firstViolation = [firstViolation, other.firstViolation].compactMap { $0 }.min()
            if other.lastViolation ?? .min >= lastViolation ?? .min {
                note = other.note ?? note
                lastViolation = other.lastViolation ?? lastViolation
            }
        }
    }

    private var counts = [Count](repeating: Count(), count: Assumption.allCases.count)
    private static let places = Dictionary(
        uniqueKeysWithValues: Assumption.allCases.enumerated().map { ($1, $0) })

    public init() {}

    public subscript(_ assumption: Assumption) -> Count {
        get { counts[place(of: assumption)] }
        set { counts[place(of: assumption)] = newValue }
    }

    public mutating func hold(_ assumption: Assumption, times: UInt64 = 1) {
        counts[place(of: assumption)].held &+= times
    }

    /// - Parameter note: numbers, codes and epics; cut at 120 characters.
    public mutating func violate(_ assumption: Assumption, at now: UTCNanos, _ note: String) {
        let place = place(of: assumption)
        counts[place].violated &+= 1
        counts[place].firstViolation = counts[place].firstViolation ?? now.seconds
        counts[place].lastViolation = now.seconds
        counts[place].note = String(note.prefix(120))
    }

    public mutating func add(_ other: AssumptionTally) {
        for place in counts.indices { counts[place].add(other.counts[place]) }
    }

    private func place(of assumption: Assumption) -> Int { Self.places[assumption] ?? 0 }
}
