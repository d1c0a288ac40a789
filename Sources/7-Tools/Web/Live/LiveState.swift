internal import CandleReader
internal import HTTPService
internal import MarketData
internal import Store
internal import Wire

extension LiveHub {
    /// Clients that get the same bytes.
    struct Audience {
        /// Of one of them.
        let subscription: LiveSubscription
        var streams: [Int: any HTTPStream] = [:]

        struct Key: Hashable {
            let format: String
            let topics: Set<LiveSubscription.Topic>
            let pairs: Set<Pair>
        }
    }

    enum Admission: Hashable {
        case client(Int), isGone, isFull
    }

    /// An event, and its place if it is a stored candle.
    struct PlacedEvent {
        let event: LiveEvent
        let place: StoredPlace?

        func bytes(_ format: any LiveFormat) -> [UInt8]? {
            format.bytes(of: event).map { (place.map(format.bytes(of:)) ?? []) + $0 }
        }
    }

    /// What the hub knows.
    struct State {
        private(set) var audiences: [Audience.Key: Audience] = [:]
        private(set) var clients: [Int: Audience.Key] = [:]
        private var nextClient = 0
        var quotes: [Pair: Quote] = [:]
        var candles: [Series: Candle] = [:]
        private var pipeline: LiveEvent?
        /// The last stored candles, for clients that come back.
        private var stored: [PlacedEvent] = []
        private let epoch: Int64
        private var storedCount: Int64 = 0

        /// Two series of 28 pairs: an hour and a half of 5 minutes.
        static let storedLimit = 1_024

        init(epoch: UTCNanos) { self.epoch = epoch.rawValue }

        // MARK: Clients

        /// Sends the present state to a new client, and takes it.
        mutating func admit(_ subscription: LiveSubscription, _ stream: any HTTPStream) -> Admission {
            guard clients.count < LiveHub.clientLimit else { return .isFull }
            guard stream.send(opening(of: subscription)) else { return .isGone }
            let key = Audience.Key(
                format: subscription.format.name, topics: subscription.topics, pairs: subscription.pairs)
            nextClient += 1
            audiences[key, default: Audience(subscription: subscription)].streams[nextClient] = stream
            clients[nextClient] = key
            return .client(nextClient)
        }

        mutating func remove(_ client: Int) {
            guard let key = clients.removeValue(forKey: client) else { return }
            audiences[key]?.streams[client] = nil
            guard audiences[key]?.streams.isEmpty == true else { return }
            audiences[key] = nil
            // Without a client of it nobody asks what the state is now.
            if !audiences.keys.contains(where: { $0.topics.contains(.state) }) { pipeline = nil }
        }

        // MARK: Events

        /// Keeps what later clients get first.
        mutating func take(_ events: [LiveEvent]) -> [PlacedEvent] {
            events.map { event in
                switch event {
                case .tick(let tick, _): quotes[tick.pair, default: Quote()].take(tick)
                case .state: pipeline = event
                case .stored: return keep(event)
                case .forming, .alive: break
                }
                return PlacedEvent(event: event, place: nil)
            }
        }

        private mutating func keep(_ event: LiveEvent) -> PlacedEvent {
            storedCount += 1
            let placed = PlacedEvent(event: event, place: StoredPlace(epoch: epoch, number: storedCount))
            if stored.count >= 2 * State.storedLimit { stored.removeFirst(State.storedLimit) }
            stored.append(placed)
            return placed
        }

        // MARK: The present state

        /// What a new client gets before the first event.
        func opening(of subscription: LiveSubscription) -> [UInt8] {
            let ticks = quotes.sorted { $0.key < $1.key }.map(State.tick)
            let forming = candles.sorted { ($0.key.pair, $0.key.timeframe) < ($1.key.pair, $1.key.timeframe) }
                .map { LiveEvent.forming($0, $1, isClosed: false) }
            let events = (ticks + forming + (pipeline.map { [$0] } ?? [])).filter(subscription.wants)
            let format = subscription.format
            return subscription.opening + storedBefore(subscription) + events.compactMap(format.bytes(of:)).joined()
        }

        /// The newest quote as the tick that it would be at a subscription.
        private static func tick(_ pair: Pair, _ quote: Quote) -> LiveEvent {
            var flags = TickFlags.snapshot
            if quote.bid.rawValue == 0 { flags.insert(.bidMissing) }
            if quote.ask.rawValue == 0 { flags.insert(.askMissing) }
            let tick = TickRecord(
                pair, brokerTime: quote.time, receiveTime: quote.time, bid: quote.bid, ask: quote.ask, flags: flags)
            return .tick(tick, .main)
        }

        /// The stored candles behind the last one that a client has, from its place on; if they are no longer known,
        /// the word that some are missing.
        private func storedBefore(_ subscription: LiveSubscription) -> [UInt8] {
            let format = subscription.format
            let newest = StoredPlace(epoch: epoch, number: storedCount)
            guard subscription.topics.contains(.stored) else { return [] }
            guard let last = subscription.last else { return format.opening(at: newest, isMissing: false) }
            let known = storedCount - Int64(stored.count)...storedCount
            guard let place = StoredPlace(last), place.epoch == epoch, known.contains(place.number) else {
                return format.opening(at: newest, isMissing: true)
            }
            let behind = stored.suffix(Int(storedCount - place.number)).filter { subscription.wants($0.event) }
            return format.opening(at: place, isMissing: false) + behind.compactMap { $0.bytes(format) }.joined()
        }
    }
}
