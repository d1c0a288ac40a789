internal import Assumptions
internal import Host
internal import Logging
internal import MarketData
internal import Streams
internal import Wire

extension StreamIngestor {
    /// What the stage is made of.
    struct Parts {
        let loop: any DataLoop
        let connections: any Connections
        let clock: Clock
        let logger: Logger
        let mailbox: SupervisorMailbox
        let status: StatusPublisher
        let service: ServiceNotifier
        let ticks: any StreamOutput
        /// `nil`: no second opinion is asked for, or none can be had.
        let native: NativeCandles?
        let past: FeedPast
        let formerPairs: FormerPairs
        let instruments: [Instrument]
        var limit = ItemLimit.known
        let closings: ClosingTimes
        let book: AssumptionBook
        let seed: UInt64
        /// Called once, with the endpoint of the ticks: the stage serves.
        let ready: (String) -> Void
    }
}

/// Where the records of a stream go: journal and bus, or the memory of a test.
///
/// Takes whole bursts, so that no call through the protocol is made per record.
protocol StreamOutput: AnyObject {
    var endpoint: String { get }
    /// The position of the last appended record; 0 before the first.
    var lastPosition: UInt64 { get }
    /// Time that the journal's last sync took, ns; 0 before the first.
    var syncNanos: Int64 { get }
    func append(_ records: [TickEnvelope]) throws
    func append(_ candles: [CandleRecord]) throws
    /// Ends the burst: what was appended is written, then published.
    func commit() throws
    /// Commits, and notes an orderly end.
    func close() throws
}

extension StreamWriter: StreamOutput {
    func append(_ records: [TickEnvelope]) throws {
        for record in records { try append(record) }
    }

    func append(_ candles: [CandleRecord]) throws {
        for candle in candles { try append(candle) }
    }

    func commit() throws { try commit(durably: false) }
}
