internal import Engines
internal import HTTPService
internal import Host
internal import Inspection
internal import MarketData
internal import Settings
internal import Store

/// What Prometheus scrapes: /metrics. Source: docs/monitoring.md.
package enum MetricsRoutes {
    package static var group: RouteGroup {
        // At most a fiftieth of a core goes there.
        let holes = Glance<HoleCounts?>(share: 50, pause: .seconds(30))
        let scrape = Route("/metrics", .query { _, worker in try answer(worker, holes) })
        return RouteGroup(prefix: "/metrics", routes: [scrape])
    }

    /// Old values would hide a fault. A look at a large database takes some seconds.
    private static let ageMax: Duration = .seconds(60)

    private static func answer(_ worker: Worker, _ holes: Glance<HoleCounts?>) throws -> HTTPResponse {
        guard let view = worker.facts.view else {
            throw WebError(503, "candlewick-web has not seen the pipeline yet: ask again in a second")
        }
        let (paths, clock) = (worker.facts.paths, worker.facts.clock)
        let age = clock.now() - view.seen.now
        guard age < ageMax else {
            throw WebError(503, "candlewick-web last saw the pipeline \(age.components.seconds) s ago: read its log")
        }
        var exposition = Exposition()
        exposition.add(view, paths: paths)
        exposition.add(worker.facts.http.now)
        exposition.add(quotes: worker.facts.live.quotes, view.seen.pairs)
        let counts = holes.latest(clock) { HoleCounts(paths, view.collectors) }
        if let counts = counts ?? nil { exposition.add(counts, view.seen.pairs) }
        do {
            let look = try DatabaseLook(try worker.store(), view.seen, paths: paths)
            exposition.add(PipelineMetric.databaseUp, 1)
            look.add(to: &exposition)
        } catch {
            worker.forgetStore()
            exposition.add(PipelineMetric.databaseUp, 0)
        }
        return HTTPResponse(contentType: Exposition.contentType, text: exposition.text)
    }
}

extension HoleCounts {
    /// Of the database of a pipeline; `nil` if it cannot be read.
    init?(_ paths: Paths, _ collectors: Collectors) {
        do {
            try self.init(storeEngine.openReader(paths), collectors)
        } catch let failure as Failure where failure.code == .unavailable {
            self.init()  // Nothing is stored yet.
        } catch {
            return nil  // candlewick_database_up and the verdict say why.
        }
    }
}
