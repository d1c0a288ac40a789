internal import Reports
internal import Streams
internal import Wire

/// The stages below each other: state, positions, and how far each is behind the one before.
struct StageTable {
    private let stages: [StatusListener.Heard]
    /// Whether the collector's name stands before each.
    private let hasSeveral: Bool

    init(_ stages: [StatusListener.Heard]) {
        self.stages = stages
        hasSeveral = collectors(of: stages).count > 1
    }

    func text(_ style: TextStyle) -> String {
        let rows = stages.map { stage -> [String] in
            guard let status = stage.status else { return [stage.stage.name, "down", "", "", "", ""] }
            return [
                stage.stage.name, state(stage), taken(stage, status), written(stage, status), behind(stage),
                rate(stage),
            ]
        }
        let head = ["stage", "state", "taken", "written", "behind", "ticks/s"]
        let names = stages.map { $0.collector?.name ?? "" }
        return TextTable(
            head: (hasSeveral ? ["collector"] : []) + head,
            rows: zip(names, rows).map { (hasSeveral ? [$0] : []) + $1 }, leftAligned: ["collector", "stage", "state"],
            tones: stages.map { $0.status == nil ? .bad : .plain }
        ).text(style)
    }

    /// A line for each collector, and one for `store-writer`: the heading first.
    var compact: [(text: String, isDown: Bool)] {
        let groups: [[StatusListener.Heard]] =
            collectors(of: stages).map { collector in stages.filter { $0.collector == collector } }
            + stages.filter { $0.collector == nil }.map { [$0] }
        let rows = groups.map { group in
            let behind = group.map { self.behind($0) }.first { !$0.isEmpty } ?? ""
            return [
                group.first?.collector?.name ?? "", group.map { "\($0.stage) \(state($0))" }.joined(separator: ", "),
                behind, group.map { rate($0) }.first { !$0.isEmpty } ?? "",
            ]
        }
        let table = TextTable(
            head: ["collector", "stages", "behind", "ticks/s"], rows: rows, leftAligned: ["collector", "stages"])
        let isDown = [false] + groups.map { $0.contains { $0.status == nil } }
        return zip(table.text.split(separator: "\n").map(String.init), isDown).map { ($0, $1) }
    }

    private func taken(_ stage: StatusListener.Heard, _ status: StageStatus) -> String {
        guard hasSeveral, stage.collector == nil else { return status.inputs.first.map { "\($0.position)" } ?? "" }
        let stream = stage.stage.inputs.first?.rawValue
        return byCollector(status.inputs.filter { $0.stream == stream }.map { ($0.collector, $0.position) })
    }

    private func written(_ stage: StatusListener.Heard, _ status: StageStatus) -> String {
        guard hasSeveral, stage.collector == nil else { return status.outputs.first.map { "\($0.position)" } ?? "" }
        return byCollector(status.outputs.map { ($0.collector, $0.position) })
    }

    private func byCollector(_ positions: [(collector: String?, position: UInt64)]) -> String {
        positions.map { "\($0.collector ?? Collector.main.name) \($0.position)" }.joined(separator: ", ")
    }

    private func rate(_ stage: StatusListener.Heard) -> String {
        stage.status?.metrics[.ticksPerSecond].map { String(Int($0)) } ?? ""
    }

    /// `down`, or the stage's own word.
    func state(_ stage: StatusListener.Heard) -> String { stage.status?.state ?? "down" }

    /// Records that a stage has not yet taken of its first input, of all collectors' together if it serves all; empty if
    /// unknown. The two stages report up to a second apart, so what comes in a second does not count.
    func behind(_ stage: StatusListener.Heard) -> String {
        let all = (stage.collector.map { [$0] } ?? collectors(of: stages)).compactMap { behind(stage, $0) }
        return all.isEmpty ? "" : String(all.reduce(0, +))
    }

    private func behind(_ stage: StatusListener.Heard, _ collector: Collector) -> Int? {
        let own = stages.filter { $0.collector == collector }.compactMap(\.status)
        // A collector's own stages name no collector in their streams.
        guard let stream = stage.stage.inputs.first,
            let taken = stage.status?.taken(stream, of: stage.collector == nil ? collector : .main),
            let written = own.compactMap({ $0.written(stream) }).first
        else { return nil }
        let perSecond = own.compactMap { $0.metrics[.ticksPerSecond] }.first ?? 0
        return Int(max(0, Double(written) - Double(taken) - perSecond))
    }
}

/// In the order of the stages.
private func collectors(of stages: [StatusListener.Heard]) -> [Collector] {
    stages.compactMap(\.collector).reduce(into: []) { if $0.last != $1 { $0.append($1) } }
}
