import Host
@testable import PostgresStore
import Testing
import TestKit

/// A server as it is on another machine: TLS and a password.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL's server is not installed: no test runs against it"))
struct PostgresNetworkTests {
    private func connect(_ host: String, trusting authority: String, password: String = "hunter2") throws
        -> PostgresConnection
    {
        let uri = try PostgresServer.secured.get().uri(host: host, authority: authority)
        return try PostgresConnection.open(PostgresAddress(uri, environment: Environment(["PGPASSWORD": password])))
    }

    @Test func `a server on another machine is spoken to if its certificate and its name are right`() throws {
        let session = try connect("db.example", trusting: "authority")
        let state = try session.execute("SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        #expect(state.first?[0] == 1)
        let stranger = #expect(throws: Failure.self) { try connect("db.example", trusting: "stranger") }
        #expect(stranger?.code == .temporary && stranger?.description.contains("certificate verify failed") == true)
        let other = #expect(throws: Failure.self) { try connect("other.example", trusting: "authority") }
        #expect(other?.code == .temporary && other?.description.contains("does not match host name") == true)
    }

    @Test func `a wrong password is a matter of configuration, and not shown`() throws {
        for (password, word) in [("hunter3", "refuses the password"), ("", "wants a password")] {
            let failure = #expect(throws: Failure.self) {
                try connect("db.example", trusting: "authority", password: password)
            }
            #expect(failure?.code == .configuration && failure?.description.contains(word) == true)
            #expect(failure?.description.contains("hunter3") == false)
        }
    }
}
