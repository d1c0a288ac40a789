/// Session, account and application endpoints. Source: ig-api §§ 2, 5.
extension RESTServer {
    func login(_ request: RESTRequest) throws(RESTError) -> RESTReply {
        // The real server's answer during maintenance. Source: ig-api § 2.8.
        if accounts.faults.refusesLogins { throw RESTError(status: 401, code: "error.security.client-token-invalid") }
        guard let body = JSONReader.read(request.body) else {
            throw RESTError(status: 400, code: "invalid.input")
        }
        guard let identifier = body["identifier"]?.string, let password = body["password"]?.string else {
            throw RESTError(status: 400, code: "validation.null-not-allowed.authenticationRequest.identifier")
        }
        guard isIdentifier(identifier) else {
            throw RESTError(status: 400, code: "validation.pattern.invalid.authenticationRequest.identifier")
        }
        guard !password.isEmpty, password.utf8.count <= 350,
            let client = accounts.client(named: identifier),
            accounts.credentials.password.map({ $0 == password || body["encryptedPassword"]?.bool == true }) ?? true
        else { throw RESTError(status: 401, code: "error.security.invalid-details") }
        defer { accounts.onLogin() }
        if request.version >= 3 { return oauth(client) }
        let tokens = accounts.login(client)
        return RESTReply(status: 200, headers: headers(tokens), body: loginBody(tokens))
    }

    private func isIdentifier(_ text: String) -> Bool {
        (1...30).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    private func headers(_ tokens: Accounts.Tokens) -> [(name: String, value: String)] {
        [("CST", tokens.cst), ("X-SECURITY-TOKEN", tokens.accountToken)]
    }

    private var timezoneOffset: JSON { .integer(Int(settings.clock.offsetHours(at: market.second))) }

    private func loginBody(_ tokens: Accounts.Tokens) -> JSON {
        [
            "accountType": "CFD",
            "accountInfo": ["balance": 10000.0, "deposit": 0.0, "profitLoss": 0.0, "available": 10000.0],
            "currencyIsoCode": "GBP", "currencySymbol": "£", "currentAccountId": .string(tokens.accountID),
            "lightstreamerEndpoint": .string(streamURL),
            "accounts": .array(
                accounts.clients[tokens.client].accountIDs.enumerated().map { index, id in
                    [
                        "accountId": .string(id), "accountName": index == 0 ? "CFD" : "Spread bet",
                        "preferred": .bool(index == 0), "accountType": index == 0 ? "CFD" : "SPREADBET",
                    ]
                }),
            "clientId": .string(accounts.clients[tokens.client].id), "timezoneOffset": timezoneOffset,
            "hasActiveDemoAccounts": true,
            "hasActiveLiveAccounts": false, "trailingStopsEnabled": false, "reroutingEnvironment": nil,
            "dealingEnabled": true,
        ]
    }

    /// The OAuth login's offset does not follow daylight saving. Source: ig-api § 2.2.
    private func oauth(_ client: Int) -> RESTReply {
        .ok([
            "clientId": .string(accounts.clients[client].id),
            "accountId": .string(accounts.clients[client].accountIDs[0]),
            "timezoneOffset": .integer(settings.accountClock == .newYork ? -5 : 0),
            "lightstreamerEndpoint": .string(streamURL), "oauthToken": oauthToken(accounts.oauthLogin(client)),
        ])
    }

    private func oauthToken(_ tokens: (access: String, refresh: String)) -> JSON {
        [
            "access_token": .string(tokens.access), "refresh_token": .string(tokens.refresh), "scope": "profile",
            "token_type": "Bearer", "expires_in": "60",
        ]
    }

    func refresh(_ request: RESTRequest) throws(RESTError) -> RESTReply {
        guard let token = JSONReader.read(request.body)?["refresh_token"]?.string,
            let tokens = accounts.refresh(token)
        else { throw RESTError(status: 401, code: "error.security.oauth-token-invalid") }
        return .ok(oauthToken(tokens))
    }

    func session(_ request: RESTRequest, _ tokens: Accounts.Tokens) -> RESTReply {
        var reply = RESTReply.ok([
            "clientId": .string(accounts.clients[tokens.client].id), "accountId": .string(tokens.accountID),
            "timezoneOffset": timezoneOffset, "locale": "en_GB", "currency": "GBP",
            "lightstreamerEndpoint": .string(streamURL),
        ])
        if request.query["fetchSessionTokens"] == "true" {
            reply.headers = headers(tokens.cst.isEmpty ? accounts.login(tokens.client) : tokens)
        }
        return reply
    }

    func switchAccount(_ request: RESTRequest, _ tokens: Accounts.Tokens) throws(RESTError) -> RESTReply {
        guard let account = JSONReader.read(request.body)?["accountId"]?.string,
            accounts.clients[tokens.client].accountIDs.contains(account)
        else { throw RESTError(status: 400, code: "error.switch.invalid-accountId") }
        guard account != tokens.accountID else {
            throw RESTError(status: 400, code: "error.switch.accountId-must-be-different")
        }
        let changed = accounts.activate(account, for: tokens)
        return RESTReply(
            status: 200, headers: headers(changed),
            body: [
                "trailingStopsEnabled": false, "dealingEnabled": true, "hasActiveDemoAccounts": true,
                "hasActiveLiveAccounts": false,
            ])
    }

    /// A public RSA key without its private half: encrypted passwords are accepted unread.
    func encryptionKey() -> RESTReply {
        let key = """
            MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvYgtB2CjVUSeth78Q/rcItyCE45uqdd8ZMkQzhoXQk+HrMAS5JaC97y0\
            2PJIE1o3qiVjl3sS+NIZ71/8e7wUJNxFPt25JbqIzZCKrmDTU2VJec3oOzaFZGY5vfv5e6OZchShEoc5GvWo9JHJeKq/+VPT7v5l\
            fw2MiYqtwU1jQaAhpFsNU5osdJYzWvol//Ia6tdZ6TvGsLlArALQoyblzya97gOAtt2nqjK9FiPaGr86X7eZ33J7sGecB1RsCkxN\
            Ohi4cmj11j90xtLQn0znDsG6Ww0D8OH2CgfNxEVvsl1jpWDKBPGVZt8Y1rtHdKHfCIj+/c2YkE6R5PbblEmYvwIDAQAB
            """
        return .ok(["encryptionKey": .string(key), "timeStamp": .integer(Int(market.second) * 1_000)])
    }

    func application(_ request: RESTRequest, _ tokens: Accounts.Tokens) -> RESTReply {
        let allowance = allowances[tokens.client]
        let itemsMax = accounts.clients[tokens.client].itemsMax ?? settings.subscriptionsMax
        return .ok([
            [
                "name": "simulator", "apiKey": .string(request.headers["x-ig-api-key"] ?? ""), "status": "ENABLED",
                "allowanceApplicationOverall": .integer(allowance.keyPerMinute ?? 1_000_000),
                "allowanceAccountTrading": 100,
                "allowanceAccountOverall": .integer(allowance.accountPerMinute ?? 1_000_000),
                "allowanceAccountHistoricalData": .integer(settings.points),
                "concurrentSubscriptionsLimit": .integer(itemsMax),
                "allowEquities": false, "allowQuoteOrders": false, "createdDate": "2021-03-04",
            ]
        ])
    }

    func accountList(_ tokens: Accounts.Tokens) -> RESTReply {
        .ok([
            "accounts": .array(
                accounts.clients[tokens.client].accountIDs.enumerated().map { index, id in
                    [
                        "accountId": .string(id), "accountName": index == 0 ? "CFD" : "Spread bet",
                        "accountAlias": nil, "status": "ENABLED", "accountType": index == 0 ? "CFD" : "SPREADBET",
                        "preferred": .bool(index == 0),
                        "balance": ["balance": 10000.0, "deposit": 0.0, "profitLoss": 0.0, "available": 10000.0],
                        "currency": "GBP", "canTransferFrom": true, "canTransferTo": true,
                    ]
                })
        ])
    }
}

extension JSON: ExpressibleByFloatLiteral {
    init(floatLiteral value: Double) { self = .number(String(value)) }
}
