internal import HTTPService

/// The part of OANDA's v20 interface that readers of candles and prices use: /v3. Source: docs/http-api.md.
package enum OandaRoutes {
    package static let group = RouteGroup(prefix: "/v3", routes: []) { error in
        HTTPResponse(error.status, contentType: "application/json", text: "{}")
    }
}
