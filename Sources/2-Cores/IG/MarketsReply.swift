internal import FoundationEssentials

/// Markets asked for by their epics, `GET /markets?epics=` version 2. Source: `ig-api` §§ 4.1, 4.2.
public struct MarketsReply: Hashable, Sendable {
    public struct Market: Hashable, Sendable {
        public let epic: String
        /// `TRADEABLE`, `CLOSED`, `EDITS_ONLY` and others.
        public let status: String
        /// In the epic's own scale, for display and for estimates only; `nil` where the broker shows none.
        public let bid: Double?
    }

    public static let version = 2
    /// The most epics in one request.
    public static let epicsMax = 50

    public let markets: [Market]

    /// The path and query that ask for these epics, at most `epicsMax`.
    public static func path(epics: some Sequence<String>) -> String { "/markets?epics=\(epics.joined(separator: ","))" }

    /// - Returns: `nil` where the body is not that of markets.
    public init?(body: [UInt8]) {
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(withoutMark(body))) else { return nil }
        markets = message.marketDetails.map {
            Market(epic: $0.instrument.epic, status: $0.snapshot.marketStatus, bid: $0.snapshot.bid)
        }
    }

    private struct Message: Decodable {
        struct Details: Decodable {
            struct Instrument: Decodable { let epic: String }
            struct Snapshot: Decodable {
                let marketStatus: String
                let bid: Double?
            }
            let instrument: Instrument
            let snapshot: Snapshot
        }
        let marketDetails: [Details]
    }
}
