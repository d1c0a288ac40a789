internal import MarketData

/// Markets. Source: ig-api § 4.
extension RESTServer {
    /// The pair and the scale of an epic that this market lists.
    func listed(_ text: String) -> (market: PairMarket, epic: Epic)? {
        guard let epic = Epic(text), let pair = market.pair(named: epic.pairName) else { return nil }
        return (pair, epic)
    }

    /// A price as a JSON number in the epic's scale.
    func number(_ price: WirePrice, _ epic: Epic) -> JSON {
        FieldValue(price.inPoints(shiftedBy: epic.pointShift)).text.map { .number($0) } ?? .null
    }

    func markets(_ request: RESTRequest) throws(RESTError) -> RESTReply {
        if let term = request.query["searchTerm"] { return search(term) }
        guard let list = request.query["epics"] else { throw RESTError(status: 400, code: "invalid.input") }
        let epics = list.split(separator: ",").map(String.init)
        guard epics.count <= 50 else { throw RESTError(status: 400, code: "error.public-api.too-many-epics") }
        var details: [JSON] = []
        for epic in epics { details.append(try market(epic, version: 3)) }
        return .ok(["marketDetails": .array(details)])
    }

    private func search(_ term: String) -> RESTReply {
        let wanted = term.uppercased().filter { $0.isLetter }
        let found = market.pairs.filter { "\($0.pair.base)\($0.pair.quote)".contains(wanted) }
        return .ok([
            "markets": .array(
                found.compactMap { pair in
                    let text = "CS.D.\(pair.pair.base)\(pair.pair.quote).CFD.IP"
                    guard let epic = Epic(text) else { return nil }
                    let snapshot = snapshot(pair, epic, version: 3)
                    return .object(
                        [
                            ("epic", .string(text)),
                            ("instrumentName", .string("\(pair.pair.base)/\(pair.pair.quote)")),
                            ("instrumentType", "CURRENCIES"), ("expiry", "-"), ("lotSize", 10.0),
                            ("streamingPricesAvailable", .bool(isOpen)),
                        ]
                            + [
                                "high", "low", "percentageChange", "netChange", "updateTime", "bid", "offer",
                                "delayTime", "marketStatus", "scalingFactor",
                            ].map { ($0, snapshot[$0] ?? .null) })
                })
        ])
    }

    func market(_ text: String, version: Int) throws(RESTError) -> JSON {
        guard let (pair, epic) = listed(text) else { throw .unknownEpic }
        return [
            "instrument": instrument(pair, epic, text, version: version), "dealingRules": dealingRules,
            "snapshot": snapshot(pair, epic, version: version),
        ]
    }

    private var isOpen: Bool { TradingWeek.isOpen(at: market.second) }

    private func instrument(_ pair: PairMarket, _ epic: Epic, _ text: String, version: Int) -> JSON {
        let isMini = epic.contract == "MINI"
        let pip = pair.decimals == 3 ? "0.01" : "0.0001"
        let base = pair.pair.base
        let quote = pair.pair.quote
        var members: [(name: String, value: JSON)] = [
            ("epic", .string(text)), ("expiry", epic.isInPoints ? "DFB" : "-"),
            ("name", .string("\(base)/\(quote)\(isMini ? " Mini" : "")")), ("forceOpenAllowed", true),
        ]
        members += version >= 4 ? [("limitAllowed", true), ("stopAllowed", true)] : [("stopsLimitsAllowed", true)]
        members += [
            ("lotSize", isMini ? 1.0 : 10.0), ("unit", epic.isInPoints ? "AMOUNT" : "CONTRACTS"),
            ("type", "CURRENCIES"), ("controlledRiskAllowed", true), ("streamingPricesAvailable", .bool(isOpen)),
            ("marketId", .string(epic.pairName)),
            (
                "currencies",
                [
                    [
                        "code": .string(quote), "symbol": .string(quote), "baseExchangeRate": 1.0,
                        "exchangeRate": 1.0, "isDefault": true,
                    ]
                ]
            ),
        ]
        guard version < 4 else { return .object(members) }
        return .object(
            members + [
                ("sprintMarketsMinimumExpiryTime", nil), ("sprintMarketsMaximumExpiryTime", nil),
                ("marginDepositBands", [["min": 0, "max": nil, "margin": 3.33, "currency": .string(quote)]]),
                ("marginFactor", 3.33), ("marginFactorUnit", "PERCENTAGE"),
                ("slippageFactor", ["unit": "pct", "value": 50.0]),
                ("limitedRiskPremium", ["value": 1.2, "unit": "POINTS"]), ("openingHours", nil),
                ("expiryDetails", nil), ("rolloverDetails", nil), ("newsCode", .string("\(base)=")),
                ("chartCode", .string(epic.pairName)), ("country", nil),
                ("valueOfOnePip", .string(isMini ? "1.00" : "10.00")),
                ("onePipMeans", .string("\(pip) \(quote)/\(base)")),
                ("contractSize", .string(isMini ? "10000" : "100000")), ("specialInfo", []),
            ])
    }

    private var dealingRules: JSON {
        let rule: (Double, String) -> JSON = { value, unit in
            ["unit": .string(unit), "value": .number(String(value))]
        }
        return [
            "minStepDistance": rule(5, "POINTS"), "minDealSize": rule(1, "POINTS"),
            "minControlledRiskStopDistance": rule(5, "POINTS"), "minNormalStopOrLimitDistance": rule(2, "POINTS"),
            "maxStopOrLimitDistance": rule(75, "PERCENTAGE"), "controlledRiskSpacing": rule(20, "POINTS"),
            "marketOrderPreference": "AVAILABLE_DEFAULT_OFF", "trailingStopsPreference": "AVAILABLE",
        ]
    }

    /// `scalingFactor` is not a divisor of the price: 10,000 on decimal epics, 1 on epics in points (ig-api § 6).
    private func snapshot(_ pair: PairMarket, _ epic: Epic, version: Int) -> JSON {
        let tick = pair.last
        let day = pair.day
        let bid = tick.map { number($0.bid, epic) } ?? .null
        let offer = tick.map { number($0.ask, epic) } ?? .null
        let statistic: (Int64) -> JSON = { units in
            day.hasValues ? self.number(WirePrice(mantissa: units, decimals: day.decimals), epic) : .null
        }
        let second = tick.map { floorDivide($0.time, UTCNanos.perSecond) } ?? market.second
        let local = settings.clock.localSecond(at: second)
        var members: [(name: String, value: JSON)] = [
            ("marketStatus", .string(isOpen ? "TRADEABLE" : "EDITS_ONLY")), ("netChange", statistic(day.netChange)),
            ("percentageChange", FieldValue(day.percentChange, decimals: 2).text.map { .number($0) } ?? .null),
            ("updateTime", .string(String(UTCSeconds(rawValue: local).text().suffix(8)))), ("delayTime", 0),
        ]
        if version >= 4 {
            members += [
                ("updateTimestampUTC", .integer(Int(second))), ("priceLadder", [["bid": bid, "ask": offer]]),
                ("currencyLadders", []),
            ]
        } else {
            members += [("bid", bid), ("offer", offer)]
        }
        members += [
            ("high", statistic(day.high)), ("low", statistic(day.low)), ("binaryOdds", nil),
            ("decimalPlacesFactor", .integer(epic.isInPoints ? 1 : Int(pair.decimals))),
            ("scalingFactor", .integer(epic.isInPoints ? 1 : pair.decimals == 3 ? 100 : 10_000)),
            ("controlledRiskExtraSpread", 2),
        ]
        return .object(members)
    }
}
