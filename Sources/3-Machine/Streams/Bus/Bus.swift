public import Host
public import Wire

/// The ways between the processes: Unix sockets, or a test's model of them.
public protocol Bus {
    /// Subscribes to the records of a collector's stream that begin with a topic.
    /// - Parameter topic: such as a kind's name; an empty one stands for all records.
    /// - Throws: `BusError`.
    func subscribe(_ stream: Stream, of collector: Collector, topic: String) throws -> any LiveSource

    /// Waits until one of several subscriptions of this bus has a message, `stop` becomes readable, or the time is over.
    /// - Parameter stop: a descriptor; negative: none.
    /// - Returns: false if the time is over.
    func wait(for sources: [any LiveSource], milliseconds: Int, stop: Int32) -> Bool

    /// Becomes the one publisher of a stream.
    /// - Throws: `Failure` (75) if another process publishes the stream; `BusError`.
    func publish(_ stream: Stream) throws -> any LiveSink

    /// A stage's status. Throws as `publish`.
    func publishStatus(_ stage: Stage) throws -> any LiveSink

    /// What other processes ask of the store's writer. Throws as `publish`.
    func takeRequests() throws -> any RequestSource
}

extension Bus {
    /// Subscribes to all records of a collector's stream.
    /// - Throws: `BusError`.
    func subscribe(_ stream: Stream, of collector: Collector) throws -> any LiveSource {
        try subscribe(stream, of: collector, topic: "")
    }
}

/// Where records come live: a subscription to a publisher, which may come and go.
public protocol LiveSource: AnyObject {
    /// Waits until a message is there, `stop` becomes readable, or the time is over.
    func wait(milliseconds: Int, stop: Int32)

    /// Hands out one message that is already there; its bytes are valid during the call.
    /// - Returns: false if there is no message.
    func receive(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool
}

/// Where messages go out live.
public protocol LiveSink: AnyObject {
    /// The address that subscribers connect to.
    var endpoint: String { get }

    /// Sends one message.
    func send(_ message: UnsafeRawBufferPointer)

    /// Sends each record of a run of records as one message.
    func send(records: UnsafeRawBufferPointer, recordSize: Int)

    /// Whether a reader subscribed since the last call. Only of the stream `forming`: its readers get the present state.
    func hasNewReader() -> Bool
}

/// Takes one request after the other.
public protocol RequestSource: AnyObject {
    /// A request that is there; `nil` without one. Must be replied to before the next one.
    func receive() -> [UInt8]?

    /// Answers the request that `receive` returned last.
    func reply(_ bytes: [UInt8])
}

extension Subscriber: LiveSource {}
extension Publisher: LiveSink {}
extension Responder: RequestSource {}

/// The bus of the processes: ZeroMQ sockets in the runtime folder.
public struct SocketBus: Bus {
    private let context: BusContext
    private let paths: Paths

    /// - Throws: `BusError`.
    public init(_ paths: Paths) throws {
        context = try BusContext()
        self.paths = paths
    }

    public func subscribe(_ stream: Stream, of collector: Collector, topic: String) throws -> any LiveSource {
        try Subscriber(context: context, endpoint: try paths.of(collector).endpoint(stream), topics: [topic])
    }

    public func wait(for sources: [any LiveSource], milliseconds: Int, stop: Int32) -> Bool {
        Subscriber.wait(for: sources.compactMap { $0 as? Subscriber }, milliseconds: milliseconds, stop: stop)
    }

    public func publish(_ stream: Stream) throws -> any LiveSink {
        try Publisher(
            context: context, endpoint: try paths.endpoint(stream), showsState: stream == .forming)
    }

    public func publishStatus(_ stage: Stage) throws -> any LiveSink {
        try Publisher(context: context, endpoint: try paths.statusEndpoint(stage))
    }

    public func takeRequests() throws -> any RequestSource {
        try Responder(context: context, endpoint: try paths.controlEndpoint())
    }
}
