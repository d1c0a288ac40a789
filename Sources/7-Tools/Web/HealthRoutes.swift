internal import Host
internal import HTTPService
internal import Store

/// What supervisors ask: whether the process lives (`/healthz`), and whether it can answer (`/readyz`).
package enum HealthRoutes {
    package static let groups = [
        RouteGroup(prefix: "/healthz", routes: [Route("/healthz", .now { _, _ in HTTPResponse(plain: "ok") })]),
        RouteGroup(prefix: "/readyz", routes: [Route("/readyz", .query { _, worker in try ready(worker) })]),
    ]

    private static func ready(_ worker: Worker) throws -> HTTPResponse {
        try worker.store().checkSchema()
        guard worker.facts.view != nil else {
            throw WebError(503, "candlewick-web has not seen the pipeline yet: ask again in a second")
        }
        return HTTPResponse(plain: "ready")
    }
}
