internal import HTTPService

/// The part of OANDA's v20 interface that readers of candles and prices use: /v3. Source: docs/http-api.md.
package enum OandaRoutes {
    package static let group = RouteGroup(prefix: "/v3", routes: routes, error: error)

    private static let routes = [
        Route("/v3/accounts", .query { _, _ in OandaAccount.list }),
        account("", OandaAccount.details),
        account("/summary", OandaAccount.summary),
        account("/instruments", OandaAccount.instruments),
        account("/instruments/{instrument}/candles", OandaCandles.answer),
        account("/candles/latest", OandaCandles.latest),
        account("/pricing", OandaPricing.answer),
        Route(OandaAccount.pattern + "/pricing/stream", .stream(OandaPricing.stream)),
        Route("/v3/instruments/{instrument}/candles", .query(OandaCandles.answer)),
    ]

    private static func account(
        _ path: String, _ answer: @escaping @Sendable (RouteRequest, Worker) throws -> HTTPResponse
    ) -> Route {
        Route(
            OandaAccount.pattern + path,
            .query { request, worker in
                try OandaAccount.expect(request)
                return try answer(request, worker)
            })
    }

    /// `{"errorMessage":"…"}`
    private static func error(_ error: WebError) -> HTTPResponse {
        var text = JSONText()
        text.begin(.object)
        text.key("errorMessage")
        text.string(error.message)
        text.end(.object)
        return .oanda(text, status: error.status)
    }
}
