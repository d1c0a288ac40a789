extension Sequence {
    /// The result of each element. When one fails, the others are tried all the same, and then the first error is thrown.
    public func mapTryingAll<Result>(_ transform: (Element) throws -> Result) throws -> [Result] {
        var results: [Result] = []
        var failure: (any Error)?
        for element in self {
            do { results.append(try transform(element)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return results
    }
}
