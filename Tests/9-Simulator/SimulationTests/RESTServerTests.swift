import Logging
@testable import Simulation
import Testing
import TestKit

@Suite struct RESTServerTests {
    private let market = SimulationTests.market([
        ("EUR_USD", [tick(1_000, "1.1", "1.2"), tick(61_000, "1.3", "1.4"), tick(181_000, "1.5", "1.6")])
    ])

    private func server(_ settings: RESTSettings = RESTSettings(), key: String? = nil) -> RESTServer {
        market.start(subscribed: [market.pairs[0].pair])
        _ = market.step(until: FixtureTime.start + 190_000_000_000, budget: 1_000)
        let accounts = Accounts(credentials: .init(identifier: "me", password: "secret", apiKey: key), seed: 1)
        return RESTServer(
            accounts: accounts, market: market, settings: settings,
            logger: quietLogger(), admin: { _ in nil })
    }

    private func get(_ server: RESTServer, _ uri: String, version: Int = 1, now: Int64 = 0) -> RESTReply {
        let tokens = server.accounts.login()
        let headers = [
            "x-ig-api-key": "k", "cst": tokens.cst, "x-security-token": tokens.accountToken, "version": "\(version)",
        ]
        return server.reply(to: RESTRequest(method: "GET", uri: uri, headers: headers, body: []), now: now)
    }

    private func login(_ server: RESTServer, _ body: String, headers: [String: String] = ["x-ig-api-key": "k"])
        -> RESTReply
    {
        let request = RESTRequest(
            method: "POST", uri: "/gateway/deal/session", headers: headers.merging(["version": "2"]) { $1 },
            body: bytes(body))
        return server.reply(to: request, now: 0)
    }

    @Test func `a login gives both tokens in headers`() {
        let reply = login(server(), #"{"identifier":"me","password":"secret"}"#)
        #expect(reply.status == 200)
        #expect(reply.headers.map(\.name) == ["CST", "X-SECURITY-TOKEN"])
        #expect(reply.headers[0].value.count == 71)
    }

    @Test(arguments: [
        (#"{"identifier":"me","password":"wrong"}"#, 401, "error.security.invalid-details"),
        (#"{"identifier":"a.b","password":"x"}"#, 400, "validation.pattern.invalid.authenticationRequest.identifier"),
        ("nonsense", 400, "invalid.input"),
    ])
    func `a login is refused for a reason`(body: String, status: Int, code: String) {
        let reply = login(server(), body)
        #expect(reply.status == status)
        #expect(reply.body?["errorCode"]?.string == code)
    }

    @Test func `a missing and a wrong key differ`() {
        #expect(login(server(), "{}", headers: [:]).body?["errorCode"]?.string == "error.security.api-key-missing")
        #expect(login(server(key: "other"), "{}").body?["errorCode"]?.string == "error.security.api-key-invalid")
    }

    @Test func `the last minutes leave out the minute without a tick and show the forming one`() {
        let reply = get(
            server(), "/gateway/deal/prices/CS.D.EURUSD.CFD.IP?resolution=MINUTE&max=10&pageSize=0", version: 3)
        guard case .array(let rows)? = reply.body?["prices"] else {
            Issue.record("no prices: \(reply.body?.text ?? "")")
            return
        }
        #expect(
            rows.map { $0["snapshotTimeUTC"]?.string } == [
                "2014-05-01T00:00:00", "2014-05-01T00:01:00", "2014-05-01T00:03:00",
            ])
        // London was on summer time.
        #expect(rows[0]["snapshotTime"]?.string == "2014/05/01 01:00:00")
        #expect(rows[2]["closePrice"]?.text == #"{"bid":1.5,"ask":1.6,"lastTraded":null}"#)
        #expect(reply.body?["metadata"]?["allowance"]?["remainingAllowance"]?.text == "9997")
    }

    @Test func `dates are the account's local time and both ends count`() {
        let uri = "/gateway/deal/prices/CS.D.EURUSD.CFD.IP/MINUTE/2014-05-01%2001:00:00/2014-05-01%2001:01:00"
        let reply = get(server(), uri, version: 2)
        #expect(reply.body?["allowance"]?["remainingAllowance"]?.text == "9998")
        #expect(reply.body?["metadata"] == nil)
    }

    @Test func `pages are cut and each costs its rows`() {
        let server = server()
        let uri = "/gateway/deal/prices/CS.D.EURUSD.CFD.IP?resolution=MINUTE&max=10&pageSize=2&pageNumber=2"
        let reply = get(server, uri, version: 3)
        #expect(reply.body?["metadata"]?["pageData"]?.text == #"{"pageSize":2,"pageNumber":2,"totalPages":2}"#)
        #expect(server.allowances[0].remaining == 9_999)
    }

    @Test(arguments: [
        ("prices/CS.D.XXXYYY.CFD.IP", 404, "error.error.price-history.io-error"),
        ("prices/CS.D.EURUSD.CFD.IP?from=2014-05-02T00:00:00&to=2014-05-01T00:00:00", 400, "error.invalid.daterange"),
        ("prices/CS.D.EURUSD.CFD.IP?max=3.14159", 400, "Unable to convert value=3.14159 to type= Integer int"),
        ("prices/CS.D.EURUSD.CFD.IP?from=x&to=y", 400, "Unable to parse datetime=x"),
        ("markets/CS.D.XXXYYY.CFD.IP", 404, "error.public-api.epic-not-found"),
        ("nothing", 404, "invalid.url"),
    ])
    func `requests are refused for a reason`(path: String, status: Int, code: String) {
        let reply = get(server(), "/gateway/deal/" + path, version: 3)
        #expect(reply.status == status)
        #expect(reply.body?["errorCode"]?.string == code)
    }

    @Test func `spent points are refused until a week after the first use`() throws {
        var allowance = Allowance(points: 5, accountPerMinute: nil, keyPerMinute: nil)
        let isPaid = allowance.pay(5, at: 1_000_000_000)
        #expect(isPaid)
        #expect(throws: RESTError(status: 403, code: "error.public-api.exceeded-account-historical-data-allowance")) {
            try allowance.admitHistory(at: 2_000_000_000)
        }
        #expect(allowance.expirySeconds(at: 2_000_000_000) == 604_799)
        try allowance.admitHistory(at: 604_801_000_000_000)
        #expect(allowance.remaining == 5)
    }

    @Test func `the thirty-first request of a minute is refused and the next minute's is not`() throws {
        var allowance = Allowance(points: 1, accountPerMinute: 30, keyPerMinute: 60)
        for _ in 0..<30 { try allowance.countRequest(at: 0) }
        #expect(throws: RESTError(status: 403, code: "error.public-api.exceeded-account-allowance")) {
            try allowance.countRequest(at: 59_000_000_000)
        }
        try allowance.countRequest(at: 60_000_000_000)
    }

    @Test func `each client has accounts, a limit and an allowance of its own`() throws {
        let accounts = Accounts(
            credentials: .init(), named: [.init(identifier: "eu", itemsMax: 7), .init(identifier: "us")], seed: 1)
        var settings = RESTSettings()
        settings.accountPerMinute = 2
        let server = RESTServer(
            accounts: accounts, market: market, settings: settings, logger: quietLogger(), admin: { _ in nil })
        let logins = ["eu", "us"].map { login(server, #"{"identifier":"\#($0)","password":"p"}"#) }
        #expect(login(server, #"{"identifier":"asia","password":"p"}"#).status == 401)
        let ids = logins.compactMap { $0.body?["currentAccountId"]?.string }
        #expect(ids.count == 2 && ids[0] != ids[1])
        func ask(_ client: Int) -> RESTReply {
            let tokens = Dictionary(
                uniqueKeysWithValues: logins[client].headers.map { ($0.name.lowercased(), $0.value) })
            let headers = tokens.merging(["x-ig-api-key": "k", "version": "1"]) { $1 }
            return server.reply(
                to: RESTRequest(method: "GET", uri: "/gateway/deal/operations/application", headers: headers, body: []),
                now: 0)
        }
        func limit(_ reply: RESTReply) -> String? {
            guard case .array(let all) = reply.body else { return nil }
            return all.first?["concurrentSubscriptionsLimit"]?.text
        }
        #expect(limit(ask(0)) == "7")
        _ = ask(0)
        #expect(ask(0).status == 403)
        #expect(limit(ask(1)) == "40")
        #expect(accounts.itemsMax(of: ids[0]) == 7 && accounts.itemsMax(of: ids[1]) == nil)
    }
}
