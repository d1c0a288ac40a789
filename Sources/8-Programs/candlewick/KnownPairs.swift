internal import Engines
internal import Host
internal import MarketData
internal import Settings
internal import Store

/// The pairs that are configured here or have a candle in the database.
struct KnownPairs {
    private let paths: Paths

    init(_ paths: Paths) { self.paths = paths }

    /// - Throws: `Failure` (64) if one of these pairs is neither, with the names that are near to it.
    func expect(_ wanted: [Pair]) throws {
        guard !wanted.isEmpty else { return }
        var known = Set(try Collectors(environment: .process, paths: paths).pairs)
        guard !known.isSuperset(of: wanted) else { return }
        // Without a database only the configured ones are known.
        known.formUnion((try? storeEngine.openReader(paths).series().map(\.pair)) ?? [])
        guard let pair = wanted.first(where: { !known.contains($0) }) else { return }
        let near = known.filter { isNear($0, pair) }.sorted().map(\.description)
        let advice =
            near.isEmpty
            ? "candlewick configuration lists the configured ones" : "did you mean \(near.joined(separator: " or "))?"
        throw Failure(.usage, "\(pair) is neither configured nor stored here: \(advice)")
    }

    /// Whether at most one letter differs, or the currencies stand the other way round.
    private func isNear(_ known: Pair, _ typed: Pair) -> Bool {
        let (left, right) = ("\(known)", "\(typed)")
        return editDistance(left, right) == 1 || left.split(separator: "_").reversed() == right.split(separator: "_")
    }
}
