internal import MarketData

/// The simulator's own paths, outside the broker's interface: faults and state.
final class AdminConsole {
    private let stream: StreamServer
    private let accounts: Accounts
    private let market: Market
    /// Nanoseconds by which the broker's clock is ahead of this machine's.
    var aheadNanos: () -> Int64? = { nil }

    init(stream: StreamServer, accounts: Accounts, market: Market) {
        self.stream = stream
        self.accounts = accounts
        self.market = market
    }

    func apply(_ fault: Fault) {
        switch fault {
        case .rest(.expireTokens): accounts.expireTokens()
        case .rest(let fault): accounts.faults.apply(fault)
        case .clear: accounts.faults.clear()
        default: break
        }
        stream.apply(fault)
    }

    /// - Returns: `nil` for paths that are the broker's.
    func reply(to request: RESTRequest) -> RESTReply? {
        guard request.path.hasPrefix("/simulator/") else { return nil }
        switch (request.method, request.path) {
        case ("GET", "/simulator/state"): return .ok(state)
        case ("POST", "/simulator/cut"): return apply(["cut"])
        case ("POST", "/simulator/faults"):
            return apply(
                String(decoding: request.body, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init))
        default: return RESTReply(status: 404, body: ["errorCode": "invalid.url"])
        }
    }

    private func apply(_ texts: [String]) -> RESTReply {
        var faults: [Fault] = []
        for text in texts {
            guard let fault = Fault(text) else {
                return RESTReply(status: 400, body: ["errorCode": .string("unknown fault \(text)")])
            }
            faults.append(fault)
        }
        guard !faults.isEmpty else { return RESTReply(status: 400, body: ["errorCode": "fault missing"]) }
        for fault in faults { apply(fault) }
        return .ok(["applied": .integer(faults.count)])
    }

    private var state: JSON {
        [
            "marketTime": .string(UTCNanos(rawValue: market.now).description), "phase": .string("\(market.phase)"),
            "aheadNanoseconds": aheadNanos().map { .integer(Int($0)) } ?? .null,
            "ticks": .object(market.sentCounts.map { ($0.name, .integer($0.count)) }),
            "sessions": .array(
                stream.sessions.values.sorted { $0.id < $1.id }.map { session in
                    [
                        "id": .string(session.id), "account": .string(session.user),
                        "bound": .bool(session.outlet != nil),
                        "dataLines": .integer(session.count), "items": .integer(session.itemCount),
                        "ready": .bool(session.isReady),
                    ]
                }),
        ]
    }
}
