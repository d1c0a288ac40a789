import Foundation
import Host
import TestKit
import Testing

@testable import HTTPService

@Suite struct AccessTests {
    private static let token = "0123456789abcdef0123456789abcdef"

    private static func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

    @Test(arguments: [
        "Bearer \(token)", "bearer \(token)", basic("anyone:\(token)"), basic(":\(token)"),
    ])
    func `the token lets in`(header: String) throws {
        let server = try TestServer(token: AccessTests.token)
        #expect(server.ask(head("/a", "Authorization: \(header)")).status == 200)
        // With the token the name does not matter.
        #expect(
            server.ask(head("/a", host: "example.org", "Authorization: \(header)")).status == 200)
    }

    @Test(arguments: [
        "Bearer", "Bearer ", "Bearer \(token)0", "Bearer \(token.dropLast())", "Bearer \(token.dropLast())g",
        "Bearer \(token)\(String(repeating: "a", count: 4_000))", basic(token), basic("\(token):"), "Basic %%%",
        "Token \(token)", token,
    ])
    func `anything else does not`(header: String) throws {
        let server = try TestServer(token: AccessTests.token)
        let answer = server.ask(head("/a", "Authorization: \(header)"))
        #expect(answer.status == 401)
        #expect(answer.header("WWW-Authenticate") == "Basic realm=\"candlewick\", Bearer")
        #expect(server.counters.now.requestsUnauthorized == 1)
    }

    @Test func `without the token nothing but 401 comes, whatever the request`() throws {
        let server = try TestServer(token: AccessTests.token)
        let heads =
            ["/", "/healthz", "/../x", "//", "/?token=\(AccessTests.token)"].map { head($0) }
            + ["POST", "OPTIONS", "HEAD"].map { head("/", method: $0) } + [
                head("/", method: "POST", "Content-Length: 3") + "abc", head("/", host: nil), "GARBAGE\r\n\r\n",
                head("/", "X: " + String(repeating: "y", count: 20_000)),
                head("/" + String(repeating: "y", count: 9_000)), head("/" + String(repeating: "y", count: 30_000)),
                head("/", "Authorization: Bearer \(AccessTests.token)", "Authorization: Bearer \(AccessTests.token)"),
            ]
        for head in heads { #expect(server.ask(head).status == 401) }
    }

    @Test func `a token is 16 to 256 printable characters`() {
        for text in [
            "", "fifteen-charact", String(repeating: "x", count: 257), "sixteen characters", "with:colon:is-not-one",
        ] {
            #expect(HTTPToken(Secret(text)) == nil)
        }
        let longest = String(repeating: "x", count: 256)
        #expect(HTTPToken(Secret(longest))?.isIn("Bearer \(longest)") == true)
        // The padding does not stand for itself.
        #expect(HTTPToken(Secret("sixteen-chars-ok"))?.isIn("Bearer sixteen-chars-ok\0") == false)
    }

    @Test(arguments: ["localhost", "LOCALHOST:9641", "127.0.0.1:1", "[::1]", "[::1]:9641", "charts.example.org"])
    func `without a token, the names of this machine and of configured origins are answered`(host: String) throws {
        let server = try TestServer(origins: ["https://charts.example.org"])
        #expect(server.ask(head("/a", host: host)).status == 200)
    }

    @Test func `without a token, the name of the address where it listens is answered there, and only there`() throws {
        let server = try TestServer(listen: .tcp(host: "127.0.0.2", port: 0))
        #expect(server.ask(head("/a", host: "127.0.0.2:9641")).status == 200)
        #expect(server.ask(head("/a", host: "127.0.0.3")).status == 421)
        #expect(try TestServer().ask(head("/a", host: "127.0.0.2:9641")).status == 421)
    }

    @Test(arguments: ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[::1", "192.0.2.7"])
    func `other names are not, so that a page elsewhere cannot take this one's`(host: String) throws {
        let server = try TestServer(origins: ["https://charts.example.org"])
        #expect(server.ask(head("/a", host: host)).status == 421)
        #expect(server.ask(head("/a", host: nil)).status == 421)
        #expect(server.ask(head("/a", "Host: localhost")).status == 421)
    }

    @Test func `only pages of configured origins may read`() throws {
        let server = try TestServer(origins: ["https://charts.example.org"])
        let friend = server.ask(head("/a", "Origin: https://charts.example.org"))
        #expect(friend.header("Access-Control-Allow-Origin") == "https://charts.example.org")
        #expect(friend.header("Vary") == "Origin")
        for origin in ["http://charts.example.org", "https://evil.example", "null"] {
            let answer = server.ask(head("/a", "Origin: \(origin)"))
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
            let ask = head("/a", method: "OPTIONS", "Origin: \(origin)", "Access-Control-Request-Method: GET")
            #expect(server.ask(ask).status == 405)
        }
    }

    @Test func `a configured page may ask whether it may ask`() throws {
        for token in [nil, AccessTests.token] {
            let server = try TestServer(token: token, origins: ["https://charts.example.org"])
            let ask = head(
                "/a", method: "OPTIONS", "Origin: https://charts.example.org", "Access-Control-Request-Method: GET")
            let answer = server.ask(ask)
            #expect(answer.status == 204)
            #expect(answer.header("Access-Control-Allow-Methods") == "GET, HEAD")
            #expect(answer.header("Content-Length") == nil)
        }
    }

    @Test func `a Unix socket is for owner and group, and needs no token`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/web.sock"
        do {
            let server = try TestServer(listen: .unix(path: path), token: AccessTests.token)
            #expect(server.ask(head("/a", host: "anything")).status == 200)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o660)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a Unix socket that a dead server left is replaced, that of a living one and a file are not`() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/web.sock"
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
        let isBound = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        close(stale)
        #expect(isBound)
        let server = try TestServer(listen: .unix(path: path))
        #expect(throws: Failure.self) { try TestServer(listen: .unix(path: path)) }
        #expect(server.ask(head("/a")).status == 200)
        let file = folder.write("content".utf8, to: "file")
        #expect(throws: Failure.self) { try TestServer(listen: .unix(path: file)) }
        #expect(fileBytes(file) == Array("content".utf8))
    }
}
