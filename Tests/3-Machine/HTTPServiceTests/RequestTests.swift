import Glibc
import Host
import HTTPService
import TestKit
import Testing

@Suite struct RequestTests {
    @Test func `a request is answered with its parts taken apart`() throws {
        let server = try TestServer()
        let answer = server.ask(head("/a%20b/EUR%2FUSD?x=1%2B1&from=2026-01-01T00:00:00+02:00&empty"))
        #expect(answer.status == 200)
        #expect(answer.body == "/a%20b/EUR%2FUSD\na b|EUR/USD\nx=1+1&from=2026-01-01T00:00:00+02:00&empty=")
        #expect(answer.header("Content-Length") == "\(answer.body.utf8.count)")
        #expect(answer.header("Connection") == "close")
    }

    @Test func `every answer has the headers that keep browsers safe, and the date`() throws {
        let server = try TestServer()
        for path in ["/", "//"] {
            let answer = server.ask(head(path))
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
            #expect(answer.header("Referrer-Policy") == "no-referrer")
            #expect(answer.header("X-Frame-Options") == "DENY")
            #expect(answer.header("Cache-Control") == "no-store")
            #expect(answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'") == true)
            #expect(answer.header("Date")?.hasSuffix(" GMT") == true)
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
        }
    }

    @Test(arguments: [
        "//", "/a//b", "/a/", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/%00", "/%0a", "/%ff", "/%4", "/%zz", "/a?x=%00",
        "/a?x=%c3%28", "a", "*", "https://localhost/", "http://", "http:///a", "http://me@localhost/",
    ])
    func `a target that is not a plain path is refused`(target: String) throws {
        let answer = try TestServer().ask(head(target))
        #expect(answer.status == 400)
    }

    @Test(arguments: [
        ("http://localhost/a%20b?x=1", "/a%20b\na b\nx=1"), ("HTTP://LOCALHOST:80", "/\n"),
        ("http://localhost?x=1", "/\n\nx=1"),
    ])
    func `a target that is a whole address is taken as its path`(target: String, body: String) throws {
        let answer = try TestServer().ask(head(target, host: "evil.example"))
        // Its host counts, not that of the header.
        #expect(answer.status == 200 && answer.body == body)
        #expect(try TestServer().ask(head("http://evil.example/", host: "localhost")).status == 421)
        #expect(try TestServer().ask(head(target, host: nil)).status != 200)
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "GET /\u{1} HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
    ])
    func `what is not HTTP is refused, and the connection closed`(text: String) throws {
        let answer = try TestServer().ask(text)
        #expect(answer.status == 400)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"])
    func `other methods than GET and HEAD are refused`(method: String) throws {
        let target = method == "CONNECT" ? "localhost:80" : "/"
        let answer = try TestServer().ask(head(target, method: method))
        #expect(answer.status == 405)
        #expect(answer.header("Allow") == "GET, HEAD")
    }

    @Test func `HEAD is answered as GET without the body`() throws {
        let server = try TestServer()
        let client = RawClient(server)
        client.send(head("/long/1000", method: "HEAD", close: false) + head("/b"))
        let text = client.readToEnd()
        #expect(text.header("Content-Length") == "1000")
        // The body is the next response.
        #expect(text.body.status == 200)
        #expect(text.body.body == "/b\nb")
    }

    @Test func `HEAD of a stream is its head alone`() throws {
        let answer = try TestServer().ask(head("/stream", method: "HEAD"))
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "text/event-stream")
        #expect(answer.body == "")
    }

    @Test func `requests that were sent ahead are answered in their order`() throws {
        let server = try TestServer()
        let client = RawClient(server)
        let paths = (0..<100).map { $0 % 10 == 0 ? "/later/\($0)" : "/\($0)" }
        client.send(paths.map { head($0, close: false) }.joined() + head("/last"))
        let text = client.readToEnd()
        let order = text.split(separator: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != "\n" && $0 != "H" } }
        #expect(order.map(String.init) == paths + ["/last"])
    }

    @Test func `a connection lives as long as both sides want`() throws {
        let server = try TestServer()
        let client = RawClient(server)
        for path in ["/one", "/two"] {
            client.send(head(path, close: false))
            let answer = client.read { $0.hasSuffix("\(path)\n\(path.dropFirst())") }
            #expect(answer.header("Connection") == nil)
        }
        client.send("GET /old HTTP/1.0\r\n\r\n")
        let last = client.readToEnd()
        #expect(last.hasPrefix("HTTP/1.0 200"))
        #expect(last.header("Connection") == "close")
        client.send("x")
        #expect(client.isClosed())
    }

    @Test func `an old client that asks for it keeps its connection`() throws {
        let client = RawClient(try TestServer())
        client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(client.read { $0.hasSuffix("/a\na") }.header("Connection") == "keep-alive")
        client.send("GET /b HTTP/1.0\r\n\r\n")
        #expect(client.readToEnd().body == "/b\nb")
    }

    @Test func `a client that ends its side after the request still gets the answer`() throws {
        let client = RawClient(try TestServer())
        client.send(head("/later/x", close: false))
        client.finish()
        #expect(client.readToEnd().body == "/later/x")
    }

    @Test func `a wish for another protocol is answered by HTTP, and the connection closed`() throws {
        let wish = head("/a", close: false, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        let answer = try TestServer().ask(wish)
        #expect(answer.status == 200)
    }
}
