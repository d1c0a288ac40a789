internal import Host
package import Inspection
package import Logging
internal import MarketData
internal import Streams

/// The two threads that follow the pipeline: one hands on what the stages publish, the other looks at the whole once a
/// second. If one fails it begins again a second later. Source: docs/decisions/0046-threads-of-the-window.md.
package final class LiveThreads: Sendable {
    private let threads: [OwnThread]

    /// - Parameters:
    ///   - latest: gets the pipeline's state, once a second.
    ///   - stop: a descriptor that becomes readable when the threads shall end.
    package init(_ facts: SiteFacts, latest: Latest<PipelineView>, stop: Int32, logger: Logger) {
        threads = [
            OwnThread {
                LiveThreads.keepUp("Live feed", facts.clock, stop, logger) {
                    try LiveFeed(facts.paths, hub: facts.live, clock: facts.clock).run(until: stop)
                }
            },
            OwnThread {
                LiveThreads.keepUp("Look at the pipeline", facts.clock, stop, logger) {
                    try PipelineWatch(facts, latest: latest).run(until: stop)
                }
            },
        ]
    }

    /// Waits until both have ended, which they do when `stop` is readable.
    package func join() { for thread in threads { thread.join() } }

    /// Between two reports of the same failure.
    private static let quiet = 600 * UTCNanos.perSecond

    /// Runs until the body returns.
    private static func keepUp(
        _ name: String, _ clock: Clock, _ stop: Int32, _ logger: Logger, _ body: () throws -> Void
    ) {
        var (said, saidAt) = ("", Int64.min)
        while true {
            do { return try body() } catch {
                // Not once a second.
                let now = clock.monotonic()
                if "\(error)" != said || now - quiet >= saidAt {
                    logger.error("\(name) failed, and begins again", metadata: ["error": "\(error)"])
                    (said, saidAt) = ("\(error)", now)
                }
            }
            if Subscriber.wait(for: [], milliseconds: 1_000, stop: stop) { return }
        }
    }
}
