package import HTTPService
package import Host
package import Inspection
package import Settings

/// What all answers share. Any thread.
package final class SiteFacts: Sendable {
    package let paths: Paths
    package let environment: Environment
    package let clock: Clock
    /// The feed of ticks, forming and stored candles.
    package let live: LiveHub
    /// Of all pairs; each thread that needs it makes it, if it is too old.
    package let lastDay = Glance<LastDay>()
    /// What the server of this process does.
    package let http: HTTPCounters
    private let latest: Latest<PipelineView>

    package init(
        paths: Paths, environment: Environment, clock: Clock, live: LiveHub, latest: Latest<PipelineView>,
        http: HTTPCounters = HTTPCounters()
    ) {
        (self.paths, self.environment, self.clock, self.live) = (paths, environment, clock, live)
        (self.latest, self.http) = (latest, http)
    }

    /// The pipeline as it was seen last, at most some seconds ago; `nil` in the first second.
    package var view: PipelineView? { latest.value }

    /// Those of the last view; before the first, as the files say.
    /// - Throws: as `Collectors.init`.
    package func collectors() throws -> Collectors {
        try view?.collectors ?? Collectors(environment: environment, paths: paths)
    }
}
