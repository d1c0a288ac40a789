import HTTPService
import Host
import TestKit
import Testing
@testable import Web

@Suite struct PageTests {
    private static func text(_ name: String) throws -> String {
        String(decoding: try #require(PageFile.embedded[name]).bytes, as: UTF8.self)
    }

    private static func request(tag: String? = nil) -> HTTPRequest {
        HTTPRequest(path: "/", segments: [], headers: tag.map { ["if-none-match": $0] } ?? [:])
    }

    private static func tag(_ response: HTTPResponse) -> String? {
        response.headers.first { $0.name == "ETag" }?.value
    }

    @Test func `the page has every file that it names`() throws {
        let page = try Self.text("index.html")
        let named = page.matches(of: #/"/assets/([^"]+)"/#).map { String($0.1) }
        #expect(named.count > 3)
        for name in named { #expect(PageFile.embedded[name] != nil, "\(name)") }
    }

    @Test(arguments: PageFile.embedded.keys.sorted().filter { $0.hasSuffix(".js") })
    func `a module has every module that it imports`(name: String) throws {
        let script = try Self.text(name)
        #expect(!script.isEmpty)
        for module in script.matches(of: #/(?:from |import\()'\./([^']+)'/#) {
            #expect(PageFile.embedded[String(module.1)] != nil, "\(module.1)")
        }
    }

    @Test func `nothing of the page lies inline, as its policy demands`() throws {
        let page = try Self.text("index.html")
        #expect(page.matches(of: #/<script(?![^>]* src=)/#).isEmpty)
        #expect(page.matches(of: #/<style| style=| on[a-z]+=/#).isEmpty)
    }

    @Test(arguments: PageFile.embedded.keys.sorted())
    func `a file names no other host but in a link and in the name of SVG`(name: String) throws {
        let hosts = try Self.text(name).matches(of: #/https?://([^/"' ]+)/#).map { String($0.1) }
        #expect(Set(hosts).isSubset(of: ["www.w3.org", "www.tradingview.com"]))
    }

    @Test(arguments: PageFile.embedded.keys.sorted().filter { $0.hasSuffix(".js") })
    func `no module makes elements of text`(name: String) throws {
        #expect(
            try Self.text(name).firstMatch(of: #/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/#) == nil
        )
    }

    @Test func `a browser that has a file does not get it again`() throws {
        let file = PageFile("a.js", Array("export {};".utf8))
        let first = file.response(to: Self.request())
        #expect(first.status == 200)
        #expect(first.contentType == "text/javascript; charset=utf-8")
        #expect(first.headers.contains { $0 == ("Cache-Control", "no-cache") })
        let second = file.response(to: Self.request(tag: Self.tag(first)))
        #expect(second.status == 304)
        #expect(second.body.isEmpty)
    }

    @Test func `a file of an earlier version is sent anew`() {
        let former = PageFile("a.js", Array("export {};".utf8)).response(to: Self.request())
        let file = PageFile("a.js", Array("export [];".utf8))
        #expect(file.response(to: Self.request(tag: Self.tag(former))).status == 200)
    }

    @Test func `without the chart library the page learns so`() {
        let folder = TemporaryFolder()
        let library = ChartLibrary(Environment(["CANDLEWICK_WEB_ASSETS": folder.path]))
        #expect(library.file() == nil)
        #expect(library.description(for: Self.request()).body == Array("{\"script\":null}\n".utf8))
    }

    @Test func `an installed chart library is served`() throws {
        let folder = TemporaryFolder()
        folder.write(Array("library".utf8), to: "lightweight-charts.js")
        let library = ChartLibrary(Environment(["CANDLEWICK_WEB_ASSETS": folder.path]))
        #expect(
            library.description(for: Self.request()).body
                == Array("{\"script\":\"/assets/lightweight-charts.js\"}\n".utf8))
        let response = try #require(library.file()).response(to: Self.request())
        #expect(response.body == Array("library".utf8))
        #expect(response.contentType == "text/javascript; charset=utf-8")
    }

    @Test func `a file that is too large to be the library is none`() {
        let folder = TemporaryFolder()
        folder.write(repeatElement(UInt8(ascii: " "), count: 5 << 20), to: "lightweight-charts.js")
        #expect(ChartLibrary(Environment(["CANDLEWICK_WEB_ASSETS": folder.path])).file() == nil)
    }
}
