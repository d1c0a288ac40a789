import Host
@testable import PostgresStore
import Testing
import TestKit

/// What a URI may say. None of these tests connects.
@Suite struct PostgresAddressTests {
    private func address(_ uri: String, _ variables: [String: String] = [:]) throws -> PostgresAddress {
        try PostgresAddress(uri, environment: Environment(variables))
    }

    @Test(arguments: [
        "postgresql:///candles", "postgresql://candlewick@/candles?host=/run/postgresql", "postgresql://localhost/c",
        "postgresql://127.0.0.1:5433/c", "postgresql://[::1]/c", "postgres://localhost,127.0.0.2/c",
    ])
    func `a server on this machine needs no TLS`(uri: String) throws {
        #expect(try address(uri)["sslmode"] == nil)
    }

    @Test(arguments: [
        "postgresql://db.example/c", "postgresql://localhost,db.example/c", "postgresql:///c?hostaddr=192.0.2.7",
        "postgresql://127.0.0.1.example/c", "postgresql:///c?service=main",
    ])
    func `another machine is spoken to by verified TLS only`(uri: String) throws {
        let address = try address(uri)
        #expect(address["sslmode"] == "verify-full" && address["gssencmode"] == "disable")
        #expect(address["sslrootcert"] == "/etc/ssl/certs/ca-certificates.crt")
        for weaker in ["disable", "prefer", "require", "verify-ca"] {
            let weak = uri + (uri.contains("?") ? "&" : "?") + "sslmode=\(weaker)"
            let failure = #expect(throws: Failure.self) { try self.address(weak) }
            #expect(failure?.code == .configuration && failure?.description.contains(weaker) == true)
        }
    }

    @Test func `hosts of libpq's variables count`() throws {
        #expect(try address("postgresql:///c", ["PGHOST": "db.example"])["sslmode"] == "verify-full")
        #expect(try address("postgresql:///c", ["PGSERVICE": "main"])["sslmode"] == "verify-full")
        #expect(try address("postgresql://localhost/c", ["PGHOST": "db.example"])["sslmode"] == nil)
    }

    @Test func `certificates that the user names are taken`() throws {
        let given = try address("postgresql://db.example/c?sslrootcert=/etc/own.pem")
        #expect(given["sslrootcert"] == "/etc/own.pem")
        #expect(try address("postgresql://db.example/c", ["PGSSLROOTCERT": "/etc/own.pem"])["sslrootcert"] == nil)
    }

    @Test(arguments: [
        "postgresql://me:hunter2@db.example/c", "postgresql://me@db.example/c?password=hunter2",
        "postgresql://me@db.example/c?pass%77ord=hunter2", "postgresql://me@db.example/c?sslpassword=hunter2",
    ])
    func `a password in the URI is refused, and not shown`(uri: String) throws {
        let refusals = [
            #expect(throws: Failure.self) { try address(uri) },
            #expect(throws: Failure.self) {
                try Paths(environment: Environment(["CANDLEWICK_STATE_DIR": "/s", "CANDLEWICK_DATABASE": uri]))
            },
        ]
        for refusal in refusals {
            #expect(refusal?.code == .configuration && refusal?.description.contains("hunter2") == false)
        }
    }

    @Test func `what libpq cannot read is refused without being quoted`() throws {
        let failure = #expect(throws: Failure.self) { try address("postgresql://me:hunter2%zz@[db/c") }
        #expect(failure?.code == .configuration && failure?.description.contains("hunter2") == false)
    }

    @Test func `a password of the environment is taken and never printed`() throws {
        let address = try address("postgresql:///c", ["PGPASSWORD": "hunter2"])
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!"\(address)".contains("hunter2") && !dumped.contains("hunter2"))
    }

    @Test func `a server that is not there is named`() throws {
        let folder = TemporaryFolder()
        let address = try address("postgresql:///c?host=\(folder.path)")
        let failure = #expect(throws: Failure.self) { try PostgresConnection.open(address) }
        #expect(failure?.code == .temporary && failure?.description.contains(folder.path) == true)
    }
}
