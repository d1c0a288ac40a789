internal import FoundationEssentials
internal import Host
internal import MarketData

/// The pairs that the last run streamed, in `streamed-pairs` in the state folder, a line each: a pair that leaves the
/// configuration is not seen until it comes back.
struct FormerPairs: Sendable {
    private let path: String

    init(stateFolder: String) { path = "\(stateFolder)/streamed-pairs" }

    /// None if the file is not there.
    func read() -> Set<Pair> {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        return Set(String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { Pair(String($0)) })
    }

    /// - Throws: `Failure` (74).
    func write(_ pairs: [Pair]) throws {
        try replaceFile(path, with: pairs.map { "\($0)\n" }.joined())
    }
}
