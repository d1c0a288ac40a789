internal import HTTPService

/// The page for people: / and /assets. Source: docs/monitoring.md § The page.
package enum PageRoutes {
    package static let group = RouteGroup(prefix: "", routes: routes)

    private static let routes = [
        Route("/", .now { request, _ in try file("index.html", request) }),
        Route("/assets/{name}", .now { request, _ in try file(request.name("name"), request) }),
        // Files of the disk: not on the event loop.
        Route("/assets/chart-library.json", .query { ChartLibrary($1.facts.environment).description(for: $0.http) }),
        Route(
            "/assets/\(ChartLibrary.name)",
            .query { request, worker in
                guard let file = ChartLibrary(worker.facts.environment).file() else {
                    throw WebError.notFound("the chart library is not installed: scripts/web-assets installs it")
                }
                return file.response(to: request.http)
            }),
    ]

    private static func file(_ name: String, _ request: RouteRequest) throws -> HTTPResponse {
        guard let file = PageFile.embedded[name] else { throw WebError.notFound("the page has no file \(name)") }
        return file.response(to: request.http)
    }
}
