internal import HTTPService
internal import MarketData

/// `/events`: ticks, candles and the pipeline's state as they come. Source: docs/http-api.md § Events.
enum EventRoutes {
    static let parameters = ["topics", "pairs"]

    static let path = APIPath(
        pattern: "/events", parameters: parameters,
        answer: .stream { request, _ in
            try request.expect(parameters)
            return LiveSubscription(
                topics: try topics(request), pairs: Set(try request.pairs()), format: EventStream(),
                opening: EventStream.opening, last: request.http.header("last-event-id"))
        })

    /// Ticks come only to those who ask for them.
    private static func topics(_ request: RouteRequest) throws -> Set<LiveSubscription.Topic> {
        guard let text = request.http["topics"] else { return [.forming, .stored, .state] }
        let topics = try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
            guard let topic = LiveSubscription.Topic(rawValue: String(name)) else {
                let known = LiveSubscription.Topic.allCases.map(\.rawValue).joined(separator: ", ")
                throw WebError.badRequest("topics has \(shown(name)): give some of \(known), with commas between them")
            }
            return topic
        }
        return Set(topics)
    }
}
