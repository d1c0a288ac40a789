package import Host
internal import HTTPService
internal import Inspection
package import Logging
internal import MarketData
package import Settings

/// The whole of candlewick-web: the threads that follow the pipeline, those that answer queries, and the server.
package final class Site {
    package struct Options {
        package let paths: Paths
        package let environment: Environment
        package let configuration: Configuration
        package let clock: Clock

        package init(paths: Paths, environment: Environment, configuration: Configuration, clock: Clock) {
            (self.paths, self.environment, self.configuration) = (paths, environment, configuration)
            self.clock = clock
        }
    }

    private let server: HTTPServer
    private let workers: Workers
    private let threads: LiveThreads
    private let facts: SiteFacts
    private let stop: StopSignal
    private let logger: Logger
    private var lastCounts = HTTPCounts()
    private var nextReport: Int64

    /// The credential of the token.
    package static let tokenName = "CANDLEWICK_WEB_TOKEN"

    /// The longest that a turn of the event loop or a query may take before the process counts as hung.
    private static let patience = 60 * UTCNanos.perSecond

    /// Begins to serve.
    /// - Throws: `Failure` (78) if other machines could ask without a token; (74), (75) if it cannot listen.
    package init(_ options: Options, until stop: StopSignal, logger: Logger) throws {
        let access = try Site.access(options)
        let latest = Latest<PipelineView>()
        let counters = HTTPCounters()
        facts = SiteFacts(
            paths: options.paths, environment: options.environment, clock: options.clock,
            live: LiveHub(epoch: options.clock.now()), latest: latest, http: counters)
        (self.stop, self.logger) = (stop, logger)
        nextReport = options.clock.monotonic() + Site.reportPeriod
        workers = Workers(facts)
        let groups =
            HealthRoutes.groups + [
                APIRoutes.group, OandaRoutes.group, UDFRoutes.group, MetricsRoutes.group, PageRoutes.group,
            ]
        do {
            server = try HTTPServer(
                .init(
                    address: options.configuration.web.listen, access: access,
                    responder: Router(groups, facts, workers, logger), clock: options.clock, logger: logger),
                counters: counters)
        } catch {
            workers.stop()
            throw error
        }
        threads = LiveThreads(facts, latest: latest, stop: stop.descriptor, logger: logger)
    }

    /// Where it listens.
    package var address: ListenAddress { server.address }

    /// Serves until a stop is asked for.
    package func run(_ service: ServiceNotifier) {
        service.ready()
        while !stop.wait(milliseconds: 250) {
            if isAlive { service.progressed() }
            report(service)
        }
        service.stopping()
        // The server last: the others hand their answers and events to its event loop.
        workers.stop()
        threads.join()
        server.stop()
        logger.notice("Stopped")
    }

    /// Whether the event loop and the workers do something else than wait for one thing.
    private var isAlive: Bool {
        let now = facts.clock.monotonic()
        return now - server.lastTurn < Site.patience && now - (workers.oldestBegin ?? now) < Site.patience
    }

    private static let reportPeriod = 60 * UTCNanos.perSecond

    /// What was refused in the last minute.
    private func report(_ service: ServiceNotifier) {
        let counts = facts.http.now
        service.status("listening at \(server.address), \(counts.connections) connections, \(counts.streams) streams")
        let now = facts.clock.monotonic()
        guard now >= nextReport else { return }
        nextReport = now + Site.reportPeriod
        let refused = zip(counts.refusals, lastCounts.refusals).map { ($0.reason, $0.count - $1.count) }
            .filter { $0.1 > 0 }
        lastCounts = counts
        if refused.isEmpty { return }
        let metadata = Logger.Metadata(uniqueKeysWithValues: refused.map { ($0.0, "\($0.1)") })
        logger.warning("Clients refused in the last minute", metadata: metadata)
    }

    private static func access(_ options: Options) throws -> HTTPAccess {
        let web = options.configuration.web
        guard let secret = try options.environment.credential(tokenName).map(Secret.init) else {
            guard web.listen.isLocal else {
                throw Failure(
                    .configuration,
                    "web.listen is \(web.listen), which other machines can reach, and there is no token: set the credential \(tokenName), such as the output of 'openssl rand -hex 32', or listen at 127.0.0.1:9641"
                )
            }
            return HTTPAccess(origins: web.origins, address: web.listen)
        }
        guard let token = HTTPToken(secret) else {
            throw Failure(
                .configuration,
                "\(tokenName) must have \(HTTPToken.lengths.lowerBound) to \(HTTPToken.lengths.upperBound) printable ASCII characters without spaces and colons: take the output of 'openssl rand -hex 32'"
            )
        }
        return HTTPAccess(token: token, origins: web.origins)
    }
}

@available(*, unavailable)
extension Site: Sendable {}
