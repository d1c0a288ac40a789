internal import HTTPService

/// Our own interface: /api/v1. Source: docs/http-api.md.
package enum APIRoutes {
    package static let group = RouteGroup(prefix: APIPath.prefix, routes: paths.map(\.route), error: error)

    static let paths: [APIPath] =
        [CandlesPath.path, TicksPath.path, PairsPath.path, EventRoutes.path, document] + ReportPaths.all
        + AccountPaths.all

    /// The description of all paths, as OpenAPI has it.
    private static let document = APIPath.query("/openapi.json") { _, _ in PackageResources.openapi_json }

    /// `{"error":{"status":400,"message":"…"}}`
    private static func error(_ error: WebError) -> HTTPResponse {
        var text = JSONText()
        text.begin(.object)
        text.key("error")
        text.begin(.object)
        text.key("status")
        text.integer(error.status)
        text.key("message")
        text.string(error.message)
        text.end(.object)
        text.end(.object)
        return HTTPResponse(error.status, json: text.bytes)
    }
}
