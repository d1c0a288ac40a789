package import Wire

/// A collector, and its id in the database.
package struct CollectorKey: Hashable, Sendable {
    package let id: Int64
    package let name: Collector

    package init(id: Int64, name: Collector) { (self.id, self.name) = (id, name) }
}

/// A key of the table `streamed_pair`.
package struct StreamedPair: Hashable, Sendable {
    private let collector: Int64
    private let instrument: Int64

    package init(collector: Int64, instrument: Int64) { (self.collector, self.instrument) = (collector, instrument) }
}
