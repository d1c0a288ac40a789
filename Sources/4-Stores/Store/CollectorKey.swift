package import Wire

/// A collector, and its id in the database.
package struct CollectorKey: Hashable, Sendable {
    package let id: Int64
    package let name: Collector

    package init(id: Int64, name: Collector) { (self.id, self.name) = (id, name) }
}
