internal import MarketData

/// Historical prices, versions 1 to 3. Source: ig-api § 3.
extension RESTServer {
    func prices(
        _ request: RESTRequest, _ tokens: Accounts.Tokens, path: [String], now: Int64
    ) throws(RESTError) -> RESTReply {
        if let refusal = accounts.faults.takeRefusal() { throw refusal }
        try allowances[tokens.client].admitHistory(at: now)
        guard let (pair, epic) = listed(path[1]) else {
            throw RESTError(status: 404, code: "error.error.price-history.io-error")
        }
        let query = try PriceQuery(request, path: path, clock: settings.clock)
        let history = PriceHistory(
            pair: pair, resolution: query.resolution, clock: settings.clock, marketTime: market.now)
        let rows = rows(of: history, query.range)
        let page = query.page(of: rows)
        guard allowances[tokens.client].pay(page.rows.count * accounts.faults.candlePrice, at: now) else {
            throw RESTError(status: 403, code: "error.public-api.exceeded-account-historical-data-allowance")
        }
        let prices = JSON.array(page.rows.map { row($0, epic, version: query.version) })
        let points = allowances[tokens.client].json(at: now, expiry: accounts.faults.expirySeconds)
        let isLost = accounts.faults.takeLoss()
        guard query.version >= 3 else {
            let body: JSON = ["prices": prices, "instrumentType": "CURRENCIES", "allowance": points]
            return RESTReply(status: 200, body: body, isLost: isLost)
        }
        let body: JSON = [
            "prices": prices, "instrumentType": "CURRENCIES",
            "metadata": [
                "allowance": points, "size": .integer(rows.count),
                "pageData": [
                    "pageSize": .integer(query.pageSize), "pageNumber": .integer(query.pageNumber),
                    "totalPages": .integer(page.total),
                ],
            ],
        ]
        return RESTReply(status: 200, body: body, isLost: isLost)
    }

    private func rows(of history: PriceHistory, _ range: PriceQuery.Range) -> [BrokerCandle] {
        switch range {
        case .last(let count): return history.last(count)
        case .between(let from, let to):
            let shift = Int64(accounts.faults.historyShift)
            return history.candles(from: from - shift, to: to - shift, max: 100_000)
        }
    }

    private func row(_ candle: BrokerCandle, _ epic: Epic, version: Int) -> JSON {
        let local = UTCSeconds(rawValue: settings.clock.localSecond(at: candle.start)).text()
        let text: String
        if version == 1 {
            text = local.replacing("-", with: ":").replacing(" ", with: "-")
        } else {
            text = local.replacing("-", with: "/")
        }
        let side: (KeyPath<BrokerCandle.Side, WirePrice>) -> JSON = { part in
            [
                "bid": self.number(candle.bid[keyPath: part], epic),
                "ask": self.number(candle.ask[keyPath: part], epic), "lastTraded": nil,
            ]
        }
        let swaps = accounts.faults.swapsCandles
        var members: [(name: String, value: JSON)] = [("snapshotTime", .string(text))]
        if version >= 3 {
            members.append(("snapshotTimeUTC", .string(UTCSeconds(rawValue: candle.start).text(separator: "T"))))
        }
        members += [
            ("openPrice", side(\.open)), ("closePrice", side(\.close)),
            ("highPrice", side(swaps ? \.low : \.high)), ("lowPrice", side(swaps ? \.high : \.low)),
            ("lastTradedVolume", .integer(Int(candle.tickCount))),
        ]
        return .object(members)
    }
}

/// The query of a prices request.
struct PriceQuery {
    enum Range { case last(Int), between(from: Int64, to: Int64) }

    let version: Int
    let resolution: Resolution
    let range: Range
    /// 0: everything on one page.
    let pageSize: Int
    let pageNumber: Int

    /// The path decides between the forms; source: ig-api § 3.1.
    init(_ request: RESTRequest, path: [String], clock: LocalClock) throws(RESTError) {
        let query = request.query
        let isByQuery = path.count == 2
        version = isByQuery ? 3 : min(max(request.version, 1), 2)
        guard let resolution = Resolution(rawValue: isByQuery ? query["resolution"] ?? "MINUTE" : path[2]) else {
            throw RESTError(status: 400, code: "invalid.request.resolution")
        }
        self.resolution = resolution
        var from = isByQuery ? query["from"] : query["startdate"]
        var to = isByQuery ? query["to"] : query["enddate"]
        var wanted = "10"
        switch path.count {
        case 2: wanted = query["max"] ?? "10"
        case 3 where from != nil && to != nil: break
        case 4: wanted = path[3]
        case 5: (from, to) = (path[3], path[4])
        default: throw .invalidURL
        }
        pageSize = isByQuery ? try PriceQuery.integer(query["pageSize"] ?? "20") : 0
        pageNumber = isByQuery ? max(1, try PriceQuery.integer(query["pageNumber"] ?? "1")) : 1
        if from == nil, to == nil {
            range = .last(try PriceQuery.integer(wanted))
            return
        }
        let start = try from.map { text throws(RESTError) in try PriceQuery.second(text, clock) } ?? 0
        let end = try to.map { text throws(RESTError) in try PriceQuery.second(text, clock) } ?? 253_402_300_799
        guard start <= end else { throw .dateRange }
        range = .between(from: start, to: end)
    }

    /// The rows of the page that is asked for, and how many pages there are.
    func page(of rows: [BrokerCandle]) -> (rows: [BrokerCandle], total: Int) {
        guard !rows.isEmpty else { return ([], 0) }
        guard pageSize > 0 else { return (rows, 1) }
        let total = (rows.count + pageSize - 1) / pageSize
        guard pageNumber <= total else { return ([], total) }
        return (Array(rows.dropFirst((pageNumber - 1) * pageSize).prefix(pageSize)), total)
    }

    private static func integer(_ text: String) throws(RESTError) -> Int {
        guard let value = Int(text), (0...1_000_000).contains(value) else {
            throw RESTError(status: 400, code: "Unable to convert value=\(text) to type= Integer int")
        }
        return value
    }

    /// Reads `2014-05-01T00:00:00`, `2014-05-01 00:00:00` and `2014:05:01-00:00:00` as local time of the account.
    static func second(_ text: String, _ clock: LocalClock) throws(RESTError) -> Int64 {
        let parts = text.split(whereSeparator: { "-: T/".contains($0) }).map { Int64($0) }
        guard (3...6).contains(parts.count), parts.allSatisfy({ $0 != nil }) else { throw malformed(text) }
        let numbers = parts.compactMap { $0 } + Array(repeating: 0, count: 6 - parts.count)
        guard (1970...9999).contains(numbers[0]), (1...12).contains(numbers[1]), (1...31).contains(numbers[2]),
            (0...23).contains(numbers[3]), (0...59).contains(numbers[4]), (0...59).contains(numbers[5])
        else { throw malformed(text) }
        let days = CivilDate.daysSince1970(year: numbers[0], month: numbers[1], day: numbers[2])
        return clock.utcSecond(ofLocal: days * 86_400 + numbers[3] * 3_600 + numbers[4] * 60 + numbers[5])
    }

    private static func malformed(_ text: String) -> RESTError {
        RESTError(status: 400, code: "Unable to parse datetime=\(text)")
    }
}
