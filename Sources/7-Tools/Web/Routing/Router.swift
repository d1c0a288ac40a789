package import HTTPService
internal import Host
internal import Logging

/// Finds the route of each request and has it answered: at once, by a worker, or as a stream.
package final class Router: HTTPResponder {
    private let groups: [RouteGroup]
    private let facts: SiteFacts
    private let workers: Workers
    private let logger: Logger

    /// - Parameter groups: the longest prefix of a path wins.
    init(_ groups: [RouteGroup], _ facts: SiteFacts, _ workers: Workers, _ logger: Logger) {
        self.groups = groups.sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
        (self.facts, self.workers, self.logger) = (facts, workers, logger)
    }

    package func respond(to request: HTTPRequest, _ reply: @escaping @Sendable (HTTPAnswer) -> Void) {
        let group = group(of: request.path)
        guard let (route, names) = group.route(of: request.segments) else {
            reply(.whole(group.error(.notFound("there is nothing at \(request.path)"))))
            return
        }
        let request = RouteRequest(request, names: names)
        switch route.answer {
        case .now(let body): reply(whole(group) { try body(request, facts) })
        case .stream(let body):
            do {
                let subscription = try body(request, facts)
                let head = HTTPResponse(contentType: subscription.format.contentType, body: [])
                reply(.stream(head) { [facts] in facts.live.add(subscription, $0) })
            } catch { reply(.whole(response(to: error, group))) }
        case .query(let body):
            let isTaken = workers.run { worker in
                reply(
                    self.whole(group) {
                        do { return try body(request, worker) } catch {
                            if !(error is WebError) { worker.forgetStore() }
                            throw error
                        }
                    })
            }
            if !isTaken { reply(.whole(busy(group))) }
        }
    }

    package func refusal(_ status: Int, _ message: String, path: String) -> HTTPResponse {
        group(of: path).error(WebError(status, message))
    }

    private func busy(_ group: RouteGroup) -> HTTPResponse {
        var response = group.error(WebError(503, "\(Workers.waitingLimit) queries wait already: ask again in a second"))
        response.headers.append(("Retry-After", "1"))
        return response
    }

    private func whole(_ group: RouteGroup, _ body: () throws -> HTTPResponse) -> HTTPAnswer {
        do { return .whole(try body()) } catch { return .whole(response(to: error, group)) }
    }

    /// What cannot be read now may be read later; anything else is for the operator, and its sentence is in the log alone.
    private func response(to error: any Error, _ group: RouteGroup) -> HTTPResponse {
        if let error = error as? WebError { return group.error(error) }
        guard let known = error as? any ExitCodeProviding, ![.software, .configuration].contains(known.exitCode) else {
            logger.error("Request failed", metadata: ["error": "\(error)"])
            return group.error(WebError(500, "the request failed: the log of candlewick-web says why"))
        }
        return group.error(WebError(503, "\(error)"))
    }

    private func group(of path: String) -> RouteGroup {
        groups.first { $0.holds(path) } ?? RouteGroup(prefix: "", routes: [])
    }
}

extension RouteGroup {
    fileprivate func holds(_ path: String) -> Bool {
        path.hasPrefix(prefix)
            && (prefix.isEmpty || path.utf8.count == prefix.utf8.count || path.hasPrefix("\(prefix)/"))
    }

    /// - Returns: `nil` if there is none; one without names comes before one with.
    fileprivate func route(of segments: [String]) -> (Route, names: [String: String])? {
        var found: (Route, names: [String: String])?
        for route in routes {
            guard let names = route.names(in: segments), found.map({ names.count < $0.names.count }) ?? true else {
                continue
            }
            found = (route, names)
        }
        return found
    }
}

extension Route {
    /// The values of the pattern's names in a path; `nil` if it is another one's.
    fileprivate func names(in segments: [String]) -> [String: String]? {
        guard parts.count == segments.count else { return nil }
        var names: [String: String] = [:]
        for (part, segment) in zip(parts, segments) {
            if part.hasPrefix("{") {
                names[String(part.dropFirst().dropLast())] = segment
            } else if part != segment {
                return nil
            }
        }
        return names
    }
}
