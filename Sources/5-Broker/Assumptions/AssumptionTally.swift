public import MarketData

/// Counts how often assumptions held and failed. Not for each tick: these are counted together.
public struct AssumptionTally: Sendable {
    /// How often one assumption held and failed, and when it failed.
    public struct Count: Codable, Hashable, Sendable {
        public var held: UInt64 = 0
        public var violated: UInt64 = 0
        /// The first and the last failure, by the host's clock.
        public var firstViolation: UTCSeconds?
        public var lastViolation: UTCSeconds?
        /// Details of the last failure: numbers, codes and epics; never a secret.
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

    /// Of the assumptions that were seen.
    private(set) var counts: [Assumption: Count] = [:]

    public init() {}

    public subscript(_ assumption: Assumption) -> Count {
        get { counts[assumption] ?? Count() }
        set { counts[assumption] = newValue }
    }

    public mutating func hold(_ assumption: Assumption, times: UInt64 = 1) { self[assumption].held &+= times }

    /// - Parameter note: numbers, codes and epics; cut at 120 characters.
    public mutating func violate(_ assumption: Assumption, at now: UTCNanos, _ note: String) {
        var violation = Count()
        violation.violated = 1
        (violation.firstViolation, violation.lastViolation) = (now.seconds, now.seconds)
        violation.note = String(note.prefix(120))
        self[assumption].add(violation)
    }

    /// Counts whether an assumption held.
    public mutating func note(
        _ assumption: Assumption, holds: Bool, at now: UTCNanos, _ note: @autoclosure () -> String
    ) {
        if holds { hold(assumption) } else { violate(assumption, at: now, note()) }
    }

    public mutating func add(_ other: AssumptionTally) {
        for (assumption, count) in other.counts { self[assumption].add(count) }
    }
}
