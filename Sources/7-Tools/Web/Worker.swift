internal import Engines
internal import Host
package import Store

/// A thread that answers queries, with a database session of its own.
///
/// - Note: One thread only.
package final class Worker {
    package let facts: SiteFacts
    private var reader: (any CandleQueries)?

    package init(_ facts: SiteFacts) { self.facts = facts }

    /// The database; opened again after an error.
    /// - Throws: `Failure` (69) if it is missing; `StoreError`.
    package func store() throws -> any CandleQueries {
        if let reader { return reader }
        let opened = try storeEngine.openReader(facts.paths)
        reader = opened
        return opened
    }

    /// After an error of the database the next query opens it again.
    package func forgetStore() { reader = nil }
}

@available(*, unavailable)
extension Worker: Sendable {}
