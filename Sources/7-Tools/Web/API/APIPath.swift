internal import HTTPService

/// A path of our own interface: which parameters its query may have, and its answer. All have the form of JSON.
struct APIPath: Sendable {
    static let prefix = "/api/v1"

    /// Below the prefix, such as `/candles/{pair}/{timeframe}`.
    let pattern: String
    let parameters: [String]
    let answer: Route.Answer

    /// On a worker's thread.
    static func query(
        _ pattern: String, _ parameters: [String] = [],
        _ answer: @escaping @Sendable (RouteRequest, Worker) throws -> [UInt8]
    ) -> APIPath {
        APIPath(
            pattern: pattern, parameters: parameters,
            answer: .query { request, worker in
                try request.expect(parameters)
                return HTTPResponse(json: try answer(request, worker))
            })
    }

    var route: Route { Route(APIPath.prefix + pattern, answer) }
}

extension HTTPResponse {
    /// - Parameter json: one JSON value.
    package init(_ status: Int = 200, json: [UInt8]) {
        self.init(status, contentType: "application/json", body: json)
    }
}
