import Foundation
import Testing
@testable import Web

/// The OpenAPI document and the routes say the same.
@Suite struct APIDocumentTests {
    private struct Document: Decodable {
        struct Parameter: Decodable {
            let name: String
            let `in`: String
        }
        struct Operation: Decodable {
            struct Response: Decodable {}
            let operationId: String
            let parameters: [Parameter]?
            let responses: [String: Response]
        }
        struct Path: Decodable { let get: Operation }
        struct Server: Decodable { let url: String }
        let openapi: String
        let servers: [Server]
        let paths: [String: Path]
    }

    private func document() throws -> Document {
        try APIWorld().value("/openapi.json")
    }

    @Test func `the document has the paths that there are, with their parameters`() throws {
        let document = try document()
        #expect(document.openapi.hasPrefix("3.1") && document.servers.map(\.url) == [APIPath.prefix])
        #expect(Set(document.paths.keys) == Set(APIRoutes.paths.map(\.pattern)))
        for path in APIRoutes.paths {
            let operation = try #require(document.paths[path.pattern]?.get)
            let parameters = operation.parameters ?? []
            #expect(
                Set(parameters.filter { $0.in == "query" }.map(\.name)) == Set(path.parameters), "\(path.pattern)")
            let names = path.pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                $0.dropFirst().dropLast()
            }
            #expect(parameters.filter { $0.in == "path" }.map(\.name) == names.map(String.init), "\(path.pattern)")
        }
    }

    @Test func `every path names the errors that it may have`() throws {
        for (pattern, path) in try document().paths {
            let statuses = Set(path.get.responses.keys)
            #expect(statuses.isSuperset(of: ["200", "400", "401", "404", "405", "500", "503"]), "\(pattern)")
        }
    }

    @Test func `each operation has a name of its own`() throws {
        let names = try document().paths.values.map(\.get.operationId)
        #expect(Set(names).count == names.count)
    }
}
