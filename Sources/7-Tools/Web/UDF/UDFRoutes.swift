internal import HTTPService

/// TradingView's Universal Data Feed: /udf. Source: docs/http-api.md.
package enum UDFRoutes {
    package static let group = RouteGroup(prefix: "/udf", routes: []) { error in
        HTTPResponse(error.status, contentType: "application/json", text: "{}")
    }
}
