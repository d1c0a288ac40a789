package import HTTPService
package import MarketData
package import Store
package import Wire
internal import Synchronization

/// Something that just happened.
package enum LiveEvent: Sendable {
    case tick(TickRecord, Collector)
    /// A candle whose interval is not over; `isClosed`: its last state.
    case forming(Series, Candle, isClosed: Bool)
    /// A candle that can now be read from the database.
    case stored(Series, Candle)
    /// The pipeline's state, about once a second: the JSON of `StatusReport`.
    case state(String)
    /// Once a second, so that a client knows that the connection lives.
    case alive(UTCNanos)
}

/// The form in which clients get events. Clients of equal forms share the bytes.
package protocol LiveFormat: Sendable {
    /// Distinguishes the forms.
    var name: String { get }
    var contentType: String { get }

    /// - Returns: `nil` if the form leaves the event out.
    func bytes(of event: LiveEvent) -> [UInt8]?
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

    package init(topics: Set<Topic>, pairs: Set<Pair>, format: any LiveFormat, opening: [UInt8] = []) {
        (self.topics, self.pairs, self.format, self.opening) = (topics, pairs, format, opening)
    }
}

/// The clients of the live feed. Any thread.
package final class LiveHub: Sendable {
    package init() {}

    /// From now on a client gets what it wants, until it is gone.
    package func add(_ subscription: LiveSubscription, _ stream: any HTTPStream) {}

    /// Hands an event to all clients that want it.
    package func publish(_ event: LiveEvent) {}
}
