/// A condition that did not become true in time.
public struct TimeOut: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Polls until `condition` holds. The only place in the tests that sleeps.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    var polls = 0
    while try await !condition() {
        polls += 1
        // If all threads are busy, the second poll may come after the deadline: that says nothing yet.
        guard ContinuousClock.now < deadline || polls < 50 else { throw TimeOut(description: "not in time: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
