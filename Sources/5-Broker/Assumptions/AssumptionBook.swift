internal import Reports
internal import FoundationEssentials
internal import Host

/// A program's tally on disk, so that it is kept over restarts: `assumptions/PROGRAM.json` in the state folder, an object
/// of an object a name. It holds no secrets. Source: docs/formats.md § 7.
public struct AssumptionBook: Sendable {
    private let folder: String
    private let program: String
    /// What earlier runs counted.
    private let past: AssumptionTally

    /// A book that cannot be read begins anew: it is statistics.
    public init(stateFolder: String, program: String) {
        folder = Self.folder(stateFolder)
        self.program = program
        past = Self.read("\(folder)/\(program).json") ?? AssumptionTally()
    }

    /// Writes what was counted before and since.
    /// - Throws: `Failure` (74).
    public func write(_ tally: AssumptionTally) throws {
        var all = past
        all.add(tally)
        let counts = all.counts.filter { $0.value != AssumptionTally.Count() }
        try makeFolder(folder)
        try replaceFile("\(folder)/\(program).json", with: encodedJSON(counts) + "\n")
    }

    /// What all programs have counted. A file that cannot be read counts for nothing.
    public static func all(stateFolder: String) -> AssumptionTally {
        var all = AssumptionTally()
        // Not there: nothing was counted.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(stateFolder))) ?? []
        for name in names.sorted() where name.hasSuffix(".json") {
            if let tally = read("\(folder(stateFolder))/\(name)") { all.add(tally) }
        }
        return all
    }

    private static func folder(_ stateFolder: String) -> String { "\(stateFolder)/assumptions" }

    /// Names that this version does not know are left out.
    private static func read(_ path: String) -> AssumptionTally? {
        guard let data = try? Data(contentsOf: URL(filePath: path)),
            let counts = try? JSONDecoder().decode([String: AssumptionTally.Count].self, from: data)
        else { return nil }
        var tally = AssumptionTally()
        for (name, count) in counts { if let assumption = Assumption(rawValue: name) { tally[assumption] = count } }
        return tally
    }
}
