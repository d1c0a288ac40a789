public import Reports
internal import Assumptions
internal import Host
internal import MarketData
internal import Settings

/// Counts of how often each assumption about the broker held and failed. Without secrets: fit to be sent to us.
public struct AssumptionsReport: Report {
    private let tally: AssumptionTally
    private let version = Program.version

    /// - Parameter stateFolder: the folder in which the programs keep their counts.
    public init(stateFolder: String) { tally = AssumptionBook.all(stateFolder: stateFolder) }

    private static func moment(_ moment: UTCSeconds?) -> String {
        moment.map { $0.text() } ?? "-"
    }

    private static func verdict(_ count: AssumptionTally.Count) -> (word: String, tone: TextStyle.Tone) {
        if count.violated > 0 { return ("failed", .warning) }
        return count.held > 0 ? ("held", .good) : ("not seen", .plain)
    }

    public func text(_ style: TextStyle) -> String {
        let counts = Assumption.allCases.map { ($0, tally[$0]) }
        let table = TextTable(
            head: ["ASSUMPTION", "SO FAR", "HELD", "FAILED", "LAST FAILURE", "DETAIL"],
            rows: counts.map { assumption, count in
                [
                    assumption.rawValue, Self.verdict(count).word, "\(count.held)", "\(count.violated)",
                    Self.moment(count.lastViolation), count.note ?? "",
                ]
            }, leftAligned: ["ASSUMPTION", "SO FAR", "LAST FAILURE", "DETAIL"],
            tones: counts.map { Self.verdict($0.1).tone })
        let violated = counts.filter { $0.1.violated > 0 }.map { assumption, _ in
            "\(assumption.rawValue): \(assumption.fact.sentence). If it fails: \(assumption.fact.consequence.lowercasedFirst).\n"
        }
        return table.text(style) + (violated.isEmpty ? "" : "\n" + violated.joined())
    }

    private struct Line: Encodable {
        let name: String
        let sentence: String
        let held: UInt64
        let violated: UInt64
        let firstViolation: UTCSeconds?
        let lastViolation: UTCSeconds?
        let note: String?
    }

    private struct Whole: Encodable {
        let version: String
        let assumptions: [Line]
    }

    public var json: String {
        let lines = Assumption.allCases.map { assumption in
            let count = tally[assumption]
            return Line(
                name: assumption.rawValue, sentence: assumption.fact.sentence, held: count.held,
                violated: count.violated, firstViolation: count.firstViolation, lastViolation: count.lastViolation,
                note: count.note)
        }
        return encodedJSON(Whole(version: version, assumptions: lines)) + "\n"
    }
}

/// Each assumption with its source and the effect of its failure.
public struct AssumptionTable: Report {
    public init() {}

    /// A table in Markdown.
    public func text(_ style: TextStyle) -> String {
        let rows = Assumption.allCases.map {
            ["`\($0.rawValue)`", $0.fact.sentence, $0.fact.source, $0.fact.consequence]
        }
        return MarkdownTable(head: ["Name", "Assumption", "Source", "If it fails"], rows: rows).text
    }

    private struct Line: Encodable {
        let name: String
        let sentence: String
        let source: String
        let consequence: String
    }

    public var json: String {
        encodedJSON(
            Assumption.allCases.map {
                Line(
                    name: $0.rawValue, sentence: $0.fact.sentence, source: $0.fact.source,
                    consequence: $0.fact.consequence)
            }) + "\n"
    }
}

extension String {
    /// For the middle of a sentence; words that are written in capitals stay so.
    var lowercasedFirst: String {
        guard let first, dropFirst().first?.isLowercase == true else { return self }
        return first.lowercased() + dropFirst()
    }
}
