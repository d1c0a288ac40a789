/// The bounds of a server. Whatever clients do, it needs no more.
public struct HTTPLimits: Sendable {
    /// Connections at a time; further ones are closed as they come.
    public var connections = 512
    /// Answers at a time that go on.
    public var streams = 256
    /// Bytes of a request's head: request line and headers.
    public var headBytes = 16_384
    /// Bytes of a request's target.
    public var targetBytes = 8_192
    /// Unsent bytes of one stream.
    public var streamBytes = 1 << 20
    /// Unsent bytes of all answers; beyond it, streams are cut off from `streamBytesUnderPressure`, and further answers are
    /// refused.
    public var unsentBytes = 64 << 20
    public var streamBytesUnderPressure = 65_536
    /// From the connection's start, or the head's first byte, to the head's end.
    public var head = Duration.seconds(10)
    /// Between two requests of a connection.
    public var idle = Duration.seconds(60)
    /// Time in which a client must take some of its answer, and the end of a stream.
    public var stall = Duration.seconds(30)
    /// After the last answer of a connection: time in which the client must close it, too.
    public var farewell = Duration.seconds(2)

    public init() {}
}

/// What a server has done since its start, and does now.
public struct HTTPCounts: Sendable, Equatable {
    public var connections = 0
    public var streams = 0
    public var requests = 0
    /// Connections that were closed as they came, because there were too many.
    public var connectionsRefused = 0
    /// Requests without the token.
    public var requestsUnauthorized = 0
    /// Clients that were cut off because they did not read.
    public var clientsCutOff = 0
    /// Clients that did not send a whole request head in time.
    public var headsTimedOut = 0

    public init() {}

    /// How many clients were refused or cut off, by the reason.
    public var refusals: [(reason: String, count: Int)] {
        [
            ("too_many", connectionsRefused), ("without_token", requestsUnauthorized), ("too_slow", headsTimedOut),
            ("not_reading", clientsCutOff),
        ]
    }
}
