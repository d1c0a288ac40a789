internal import HTTPService
internal import Inspection

/// What Prometheus scrapes: /metrics. Source: docs/monitoring.md.
package enum MetricsRoutes {
    package static var group: RouteGroup {
        let holes = HoleGlance()
        let scrape = Route("/metrics", .query { _, worker in try answer(worker, holes) })
        return RouteGroup(prefix: "/metrics", routes: [scrape]) { error in
            HTTPResponse(error.status, contentType: "text/plain; charset=utf-8", text: "\(error.message)\n")
        }
    }

    private static func answer(_ worker: Worker, _ holes: HoleGlance) throws -> HTTPResponse {
        guard let view = worker.facts.view else {
            throw WebError(503, "the pipeline has not been looked at yet: try again in a second")
        }
        let (paths, clock) = (worker.facts.paths, worker.facts.clock)
        var exposition = Exposition()
        exposition.add(view, paths: paths)
        do {
            let look = try DatabaseLook(try worker.store(), view, holes, paths: paths, clock: clock)
            exposition.add(PipelineMetric.databaseUp, 1)
            look.add(to: &exposition)
        } catch {
            worker.forgetStore()
            exposition.add(PipelineMetric.databaseUp, 0)
        }
        return HTTPResponse(contentType: Exposition.contentType, text: exposition.text)
    }
}
