internal import Engines
internal import Host
package import Store

/// A thread that answers queries, with a database session of its own.
///
/// - Note: One thread only.
package final class Worker {
    package let facts: SiteFacts
    private var reader: (any CandleQueries)?
    /// The file that the session reads.
    private var file: FileIdentity?

    package init(_ facts: SiteFacts) { self.facts = facts }

    /// The database; opened again after an error, and if another file took its place.
    /// - Throws: `Failure` (69) if it is missing; `StoreError`.
    package func store() throws -> any CandleQueries {
        // Before it is opened: a file that takes its place meanwhile is then seen the next time.
        let present = FileIdentity(facts.paths.database)
        if let reader, present == file { return reader }
        reader = nil
        let opened = try storeEngine.openReader(facts.paths)
        (reader, file) = (opened, present)
        return opened
    }

    /// After an error of the database the next query opens it again.
    package func forgetStore() { reader = nil }
}

@available(*, unavailable)
extension Worker: Sendable {}
