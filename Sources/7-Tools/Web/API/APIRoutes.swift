internal import HTTPService

/// Our own interface: /api/v1. Source: docs/http-api.md.
package enum APIRoutes {
    package static let group = RouteGroup(prefix: "/api/v1", routes: []) { error in
        HTTPResponse(error.status, contentType: "application/json", text: "{}")
    }
}
