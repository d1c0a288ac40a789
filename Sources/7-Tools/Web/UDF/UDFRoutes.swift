internal import HTTPService
internal import MarketData

/// TradingView's Universal Data Feed: /udf. Source: docs/http-api.md.
package enum UDFRoutes {
    package static let group = RouteGroup(prefix: "/udf", routes: routes, error: error)

    private static let routes = [
        Route("/udf/config", .query(UDFSymbols.configuration)),
        Route("/udf/time", .now(time)),
        Route("/udf/symbols", .query(UDFSymbols.symbol)),
        Route("/udf/search", .query(UDFSymbols.search)),
        Route("/udf/history", .query(UDFHistory.answer)),
    ]

    private static func time(_ request: RouteRequest, _ facts: SiteFacts) -> HTTPResponse {
        HTTPResponse(contentType: "text/plain; charset=utf-8", text: "\(facts.marketNow.seconds)")
    }

    /// `{"s":"error","errmsg":"…"}`; TradingView's client looks at `s`, whatever the status is.
    private static func error(_ error: WebError) -> HTTPResponse {
        var text = JSONText()
        text.begin(.object)
        text.key("s")
        text.string("error")
        text.key("errmsg")
        text.string(error.message)
        text.end(.object)
        return HTTPResponse(error.status, json: text.bytes)
    }
}
