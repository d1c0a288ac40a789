internal import HTTPService
internal import Inspection
internal import MarketData
internal import Settings
internal import Store

/// `/events`: ticks, candles and the pipeline's state as they come. Source: docs/http-api.md § Events.
enum EventRoutes {
    static let parameters = ["topics", "pairs"]

    static let path = APIPath(
        pattern: "/events", parameters: parameters,
        answer: .stream { request, facts in
            try request.expect(parameters)
            return LiveSubscription(
                topics: try topics(request), pairs: try pairs(request, facts), format: EventStream(),
                opening: EventStream.opening, last: request.http.header("last-event-id"))
        })

    /// - Throws: `WebError` (404) if one is neither configured nor stored: nothing would ever come of it.
    private static func pairs(_ request: RouteRequest, _ facts: SiteFacts) throws -> Set<Pair> {
        let wanted = try request.pairs()
        if wanted.isEmpty { return [] }
        let stored = facts.view?.seen.stored.candles.map(\.series.pair) ?? []
        let known = Set(try facts.collectors().pairs + stored)
        if let unknown = wanted.first(where: { !known.contains($0) }) {
            throw WebError.notFound("there is no pair \(unknown) here: /api/v1/pairs lists all pairs")
        }
        return Set(wanted)
    }

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
