internal import HTTPService

/// What Prometheus scrapes: /metrics. Source: docs/monitoring.md.
package enum MetricsRoutes {
    package static let group = RouteGroup(prefix: "/metrics", routes: []) { error in
        HTTPResponse(error.status, contentType: "text/plain; charset=utf-8", text: "\(error.message)\n")
    }
}
