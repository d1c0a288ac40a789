package import MarketData
package import Store
package import Wire

/// Something that just happened.
package enum LiveEvent: Sendable {
    case tick(TickRecord, Collector)
    /// A candle whose interval is not over; `isClosed`: its last state.
    case forming(Series, Candle, isClosed: Bool)
    /// A candle that can now be read from the database; `isDisputed`: the broker's own says otherwise.
    case stored(Series, Candle, isDisputed: Bool)
    /// The pipeline's state, at most every two seconds: the JSON of `StatusReport`.
    case state(String)
    /// Every five seconds, so that a client knows that the connection lives.
    case alive(UTCNanos)

    /// `nil`: every client gets it.
    var topic: LiveSubscription.Topic? {
        switch self {
        case .tick: .ticks
        case .forming: .forming
        case .stored: .stored
        case .state: .state
        case .alive: nil
        }
    }

    /// `nil`: it concerns all pairs.
    var pair: Pair? {
        switch self {
        case .tick(let tick, _): tick.pair
        case .forming(let series, _, _), .stored(let series, _, _): series.pair
        case .state, .alive: nil
        }
    }
}

/// The form in which clients get events. Clients of equal forms share the bytes.
package protocol LiveFormat: Sendable {
    /// Distinguishes the forms.
    var name: String { get }
    var contentType: String { get }

    /// - Returns: `nil` if the form leaves the event out.
    func bytes(of event: LiveEvent) -> [UInt8]?

    /// Stands before a stored candle: its place, from which a client that comes back goes on.
    func bytes(of place: StoredPlace) -> [UInt8]

    /// Tells a client of stored candles from which place it goes on.
    /// - Parameter isMissing: the client was here before, and stored candles of the time between are missing.
    func opening(at place: StoredPlace, isMissing: Bool) -> [UInt8]
}

extension LiveFormat {
    /// Without places.
    package func bytes(of place: StoredPlace) -> [UInt8] { [] }
    package func opening(at place: StoredPlace, isMissing: Bool) -> [UInt8] { [] }
}

/// The place of a stored candle among all that a process has handed on.
package struct StoredPlace: Hashable, Sendable {
    /// Of the process: when it began, ns since 1970 UTC.
    let epoch: Int64
    /// From 1.
    let number: Int64
}

extension StoredPlace: CustomStringConvertible {
    /// `1778572800000000000-17`.
    package var description: String { "\(epoch)-\(number)" }

    /// - Returns: `nil` if the text is no place.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, let epoch = parts[0], let number = parts[1] else { return nil }
        self.init(epoch: epoch, number: number)
    }
}

/// What a client wants to hear.
package struct LiveSubscription: Sendable {
    package enum Topic: String, CaseIterable, Hashable, Sendable { case ticks, forming, stored, state }

    package let topics: Set<Topic>
    /// Empty: all.
    package let pairs: Set<Pair>
    package let format: any LiveFormat
    /// What goes out before the first event.
    package let opening: [UInt8]
    /// The last stored candle that the client has, as text that it sent; `nil`: it was not here before.
    package let last: String?

    package init(
        topics: Set<Topic>, pairs: Set<Pair>, format: any LiveFormat, opening: [UInt8] = [], last: String? = nil
    ) {
        (self.topics, self.pairs, self.format) = (topics, pairs, format)
        (self.opening, self.last) = (opening, last)
    }

    func wants(_ event: LiveEvent) -> Bool {
        (event.topic.map(topics.contains) ?? true) && (event.pair.map { pairs.isEmpty || pairs.contains($0) } ?? true)
    }
}
