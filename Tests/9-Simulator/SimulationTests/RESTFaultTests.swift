import Glibc
import Logging
@testable import Simulation
import Testing
import TestKit

/// A connection to a running simulator.
private struct Line: ~Copyable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = in_port_t(port).bigEndian
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        let descriptor = descriptor
        let result = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    /// The bytes until `end` is in them, or the peer closes or is silent for 5 s.
    func read(until end: String) -> String {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while !String(decoding: bytes, as: UTF8.self).contains(end) {
            let count = recv(descriptor, &part, part.count, 0)
            guard count > 0 else { break }
            bytes += part.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func post(_ path: String, _ body: String, headers: [String] = []) { request("POST", path, body, headers) }

    func get(_ path: String) { request("GET", path, "", []) }

    private func request(_ method: String, _ path: String, _ body: String, _ headers: [String]) {
        let head = ["\(method) \(path) HTTP/1.1", "Host: x", "Content-Length: \(body.utf8.count)"] + headers
        let text = head.joined(separator: "\r\n") + "\r\n\r\n" + body
        _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }
}

@Suite struct RESTFaultTests {
    private let key = ["X-IG-API-KEY: k", "Version: 2"]
    private let credentials = #"{"identifier":"me","password":"secret"}"#

    private func withSimulator(
        _ options: SimulatorOptions = SimulatorOptions(), _ body: (Simulator) throws -> Void
    ) throws {
        let quiet = quietLogger()
        let simulator = try Simulator(options, logger: quiet)
        defer {
            simulator.stop()
            simulator.close(within: 0)
        }
        try body(simulator)
    }

    private func apply(_ faults: String, _ simulator: Simulator) throws {
        let line = try Line(port: simulator.port)
        line.post("/simulator/faults", faults)
        #expect(line.read(until: "applied").contains("200 OK"))
    }

    private func header(_ name: String, _ reply: String) -> String {
        let line = reply.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
        return line.map { String($0.dropFirst(name.count + 2)) } ?? ""
    }

    /// Logs in, and opens a stream on the line.
    private func openStream(on line: borrowing Line, _ simulator: Simulator, headers: [String] = []) throws -> String {
        let login = try Line(port: simulator.port)
        login.post("/gateway/deal/session", credentials, headers: key)
        let reply = login.read(until: "dealingEnabled")
        let password = "CST-\(header("CST", reply))%7CXST-\(header("X-SECURITY-TOKEN", reply))"
        line.post(
            "/lightstreamer/create_session.txt?LS_protocol=TLCP-2.5.0",
            "LS_user=ABC12&LS_password=\(password)&LS_cid=c",
            headers: headers)
        return line.read(until: "CONS,")
    }

    @Test(arguments: [
        [], ["Content-Type: application/json"], ["Content-Type: text/plain; charset=utf-8"],
        ["Content-Type: application/x-www-form-urlencoded"], ["Content-Type: ;;odd/"],
    ])
    func `any content type is taken, by REST and by the stream`(headers: [String]) throws {
        try withSimulator { simulator in
            let rest = try Line(port: simulator.port)
            rest.post("/gateway/deal/session", credentials, headers: key + headers)
            #expect(rest.read(until: "dealingEnabled").hasPrefix("HTTP/1.1 200 OK"))
            let stream = try Line(port: simulator.port)
            #expect(try openStream(on: stream, simulator, headers: headers).contains("CONOK,"))
        }
    }

    @Test func `a login ends the stream while the fault lasts`() throws {
        try withSimulator { simulator in
            let first = try Line(port: simulator.port)
            _ = try openStream(on: first, simulator)
            try apply("login-ends-stream", simulator)
            let second = try Line(port: simulator.port)
            _ = try openStream(on: second, simulator)
            #expect(first.read(until: "END,32").contains("END,32,Session closed"))
            try apply("clear", simulator)
            let third = try Line(port: simulator.port)
            _ = try openStream(on: third, simulator)
            try apply("end=48", simulator)
            #expect(second.read(until: "END").contains("END,48"))
        }
    }

    @Test func `an idle connection closes at its next request while the fault lasts`() throws {
        try withSimulator { simulator in
            let line = try Line(port: simulator.port)
            line.post("/gateway/deal/session", credentials, headers: key)
            _ = line.read(until: "dealingEnabled")
            try apply("close-idle=1", simulator)
            line.post("/gateway/deal/session", credentials, headers: key)
            #expect(line.read(until: "dealingEnabled").contains("200 OK"))
            usleep(1_100_000)
            line.post("/gateway/deal/session", credentials, headers: key)
            #expect(line.read(until: "dealingEnabled") == "")
            let fresh = try Line(port: simulator.port)
            fresh.post("/gateway/deal/session", credentials, headers: key)
            _ = fresh.read(until: "dealingEnabled")
            usleep(1_100_000)
            try apply("clear", simulator)
            fresh.post("/gateway/deal/session", credentials, headers: key)
            #expect(fresh.read(until: "dealingEnabled").contains("200 OK"))
        }
    }

    @Test func `an outage cuts the stream and lets no connection in until it ends`() throws {
        try withSimulator { simulator in
            let stream = try Line(port: simulator.port)
            #expect(try openStream(on: stream, simulator).contains("CONOK,"))
            let open = try Line(port: simulator.port)
            open.post("/simulator/faults", "outage=3600")
            #expect(open.read(until: "applied").contains("200 OK"))
            #expect(!stream.read(until: "CONOK").contains("CONOK"))
            let shut = try Line(port: simulator.port)
            shut.get("/simulator/state")
            #expect(shut.read(until: "sessions") == "")
            open.post("/simulator/faults", "clear")
            #expect(open.read(until: "applied").contains("200 OK"))
            let free = try Line(port: simulator.port)
            free.get("/simulator/state")
            #expect(free.read(until: "sessions").contains("200 OK"))
        }
    }

    @Test func `a rate of a pair that does not walk is refused, and two rates of one`() {
        for rates in [["EUR_SEK"], ["EUR_USD", "EUR/USD"]] {
            var options = SimulatorOptions()
            options.pairRates = rates.map { .init(pair: $0, rate: 1) }
            #expect(throws: SimulatorError.self) { try Simulator.market(options) }
        }
    }

    /// Ten ticks a millisecond, some 300 kB a second. The bids count from 1.10000.
    private func writeTicks(count: Int64) throws -> String {
        let path = "/tmp/cw-ticks-\(getpid())-\(count).csv"
        let rows = (0..<count).map { "\(FixtureTime.start + $0 * 100_000),1.\(10_000 + $0),1.2" }
        let text = "timestamp_utc_ns,bid,ask\n" + rows.joined(separator: "\n") + "\n"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        return path
    }

    /// Opens a stream on the line with the ticks of `writeTicks`.
    private func subscribe(_ line: borrowing Line, _ simulator: Simulator) throws {
        let head = try openStream(on: line, simulator)
        let id = head.split(separator: "CONOK,").last?.split(separator: ",").first ?? ""
        let control = try Line(port: simulator.port)
        control.post(
            "/lightstreamer/control.txt?LS_protocol=TLCP-2.5.0",
            "LS_session=\(id)&LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=DISTINCT"
                + "&LS_group=CHART:CS.D.EURUSD.CFD.IP:TICK&LS_schema=BID%20OFR%20UTM")
        #expect(control.read(until: "REQOK,1\r\n").contains("REQOK,1"))
    }

    @Test func `jitter delays bytes and keeps all of them, in order`() throws {
        var options = SimulatorOptions()
        options.tickFiles = [.init(pair: "EUR_USD", path: try writeTicks(count: 300))]
        options.faults = [.jitter(millis: 50)]
        defer { unlink(options.tickFiles[0].path) }
        try withSimulator(options) { simulator in
            let line = try Line(port: simulator.port)
            try subscribe(line, simulator)
            let text = line.read(until: "U,1,1,1.10299|")
            let bids = text.split(separator: "U,1,1,").dropFirst().map { String($0.prefix(7)) }
            #expect(bids == (10_000..<10_300).map { "1.\($0)" })
        }
    }

    @Test func `jitter makes each answer wait, until clear`() throws {
        var options = SimulatorOptions()
        options.faults = [.jitter(millis: 50)]
        try withSimulator(options) { simulator in
            let line = try Line(port: simulator.port)
            // 25 ms each on average, with a seed that does not change.
            let begin = ContinuousClock.now
            for _ in 0..<40 {
                line.get("/simulator/state")
                #expect(line.read(until: "sessions").contains("200 OK"))
            }
            #expect(ContinuousClock.now - begin > .milliseconds(500))
            line.post("/simulator/faults", "clear")
            #expect(line.read(until: "applied").contains("200 OK"))
        }
    }

    @Test func `a client behind a slow line is one that does not read`() throws {
        var options = SimulatorOptions()
        options.tickFiles = [.init(pair: "EUR_USD", path: try writeTicks(count: 20_000))]
        options.faults = [.slow(bytes: 100)]
        defer { unlink(options.tickFiles[0].path) }
        try withSimulator(options) { simulator in
            let line = try Line(port: simulator.port)
            try subscribe(line, simulator)
            var states: [String] = []
            while states.count < 100, states.last?.contains(#""ready":false"#) != true {
                usleep(50_000)
                let console = try Line(port: simulator.port)
                console.get("/simulator/state")
                states.append(console.read(until: "}]}"))
            }
            #expect(states.last?.contains(#""ready":false"#) == true)
        }
    }

    // MARK: In process

    private func server() -> (RESTServer, AdminConsole) {
        let market = market([("EUR_USD", (0..<30).map { tick(60_000 * $0, "1.1", "1.2") })])
        market.start(subscribed: [market.pairs[0].pair])
        _ = market.step(until: FixtureTime.start + 1_800_000_000_000, budget: 10_000)
        let logger = quietLogger()
        let accounts = Accounts(credentials: .init(), seed: 1)
        let stream = StreamServer(market: market, limits: StreamLimits(), seed: 1, logger: logger) { user, _ in user }
        let console = AdminConsole(stream: stream, accounts: accounts, market: market)
        let server = RESTServer(
            accounts: accounts, market: market, settings: RESTSettings(), logger: logger,
            admin: { console.reply(to: $0) })
        return (server, console)
    }

    private func get(_ server: RESTServer, _ path: String, version: Int = 3) -> RESTReply {
        let tokens = server.accounts.login()
        let headers = [
            "x-ig-api-key": "k", "cst": tokens.cst, "x-security-token": tokens.accountToken, "version": "\(version)",
        ]
        return server.reply(
            to: RESTRequest(method: "GET", uri: "/gateway/deal/" + path, headers: headers, body: []), now: 0)
    }

    private func elements(_ list: JSON?) -> [JSON] { if case .array(let elements)? = list { elements } else { [] } }

    private let prices = "prices/CS.D.EURUSD.CFD.IP?max=30"

    @Test func `max alone brings the 20 oldest of its rows`() {
        let (server, _) = server()
        let rows = elements(get(server, prices).body?["prices"])
        #expect(rows.count == 20)
        #expect(rows.first?["snapshotTimeUTC"]?.string == "2014-05-01T00:00:00")
    }

    @Test(arguments: [
        (403, "error.public-api.historical-data-allowance-exceeded"), (404, "error.price-history.io-error"),
    ])
    func `prices are refused so many times by a code of choice`(status: Int, code: String) throws {
        let (server, console) = server()
        console.apply(try #require(Fault("refuse-prices=1:\(status):\(code)")))
        let refused = get(server, prices)
        #expect(refused.status == status)
        #expect(refused.body?["errorCode"]?.string == code)
        #expect(get(server, prices).status == 200)
    }

    @Test func `points are spent by a fault and given back by clear`() throws {
        let (server, console) = server()
        console.apply(try #require(Fault("points=0")))
        #expect(
            get(server, prices).body?["errorCode"]?.string
                == "error.public-api.exceeded-account-historical-data-allowance")
        console.apply(.clear)
        #expect(get(server, prices).status == 200)
        #expect(server.allowances[0].remaining == 9_980)
    }

    @Test func `requests a minute are fewer while the fault lasts, and the application shows the limits`() throws {
        let (server, console) = server()
        console.apply(try #require(Fault("requests-per-minute=2:20")))
        let limits = elements(get(server, "operations/application").body).first
        #expect(limits?["allowanceAccountOverall"]?.text == "2")
        #expect(limits?["concurrentSubscriptionsLimit"]?.text == "40")
        #expect(get(server, "accounts").status == 200)
        #expect(get(server, "accounts").body?["errorCode"]?.string == "error.public-api.exceeded-account-allowance")
        console.apply(.clear)
        #expect(get(server, "accounts").status == 200)
    }
}
