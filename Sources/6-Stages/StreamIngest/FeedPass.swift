public import MarketData
internal import TLCP
internal import Wire

/// The data thread's work for each tick, without network, journal and clock: the bytes of a connection in, records
/// out. What `StreamIngestor` does between its transport and its `StreamWriter`, for measurements.
public struct FeedPass: ~Copyable {
    private var session: ClientSession
    private var recorder: FeedRecorder
    private var transport: TransportID?
    /// Ticks that became records.
    public private(set) var tickCount = 0
    /// Of bid, ask and broker time of all of them, with wrap-around.
    public private(set) var sum: Int64 = 0

    /// A session whose subscriptions are answered: the heartbeat is number 1, instrument n number n + 2.
    /// - Parameter start: the broker's time and the host's, which agree.
    public init(instruments: [Instrument], start: UTCNanos) {
        session = ClientSession(options: SessionOptions(endpoint: Endpoint("ws://localhost")!), seed: 1)
        recorder = FeedRecorder(instruments: instruments, past: FeedPast())
        let requests = SubscriptionRequest.feed(of: instruments)
        for request in requests { _ = session.subscribe(request, now: .zero) }
        session.start(now: .zero, into: &recorder)
        for case .openWebSocket(let id, _, _) in session.takeActions() { transport = id }
        if let transport { session.transportOpened(transport, now: .zero) }
        receive("WSOK\r\nCONOK,S1,50000,5000,*\r\n", at: start)
        for (index, request) in requests.enumerated() {
            receive("SUBOK,\(index + 1),1,\(request.fields.count)\r\n", at: start)
        }
        receive("U,1,1,\(start.seconds.rawValue)\r\n", at: start)
        for index in instruments.indices { receive("EOS,\(index + 2),1\r\n", at: start) }
    }

    /// Takes one read's bytes.
    public mutating func received(_ bytes: UnsafeRawBufferPointer, time: UTCNanos, monotonic: Int64) {
        guard let transport else { return }
        recorder.burstBegan(now: time, monotonic: monotonic)
        session.received(bytes, from: transport, now: .nanoseconds(monotonic), into: &recorder)
        for record in recorder.output.records {
            guard let tick = record.tick else { continue }
            tickCount &+= 1
            sum &+= tick.bid.rawValue &+ tick.ask.rawValue &+ tick.brokerTime.rawValue
        }
        recorder.output.records.removeAll(keepingCapacity: true)
    }

    private mutating func receive(_ text: String, at time: UTCNanos) {
        var text = text
        text.withUTF8 { received(UnsafeRawBufferPointer($0), time: time, monotonic: 0) }
        _ = session.takeActions()
    }
}
