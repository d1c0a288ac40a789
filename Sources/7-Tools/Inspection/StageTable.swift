internal import Reports
internal import Streams
internal import Wire

/// The stages below each other: state, positions, and how far each is behind the one before.
struct StageTable {
    private let stages: [StatusListener.Heard]

    init(_ stages: [StatusListener.Heard]) { self.stages = stages }

    func text(_ style: TextStyle) -> String {
        let rows = stages.map { stage -> [String] in
            guard let status = stage.status else { return [stage.stage.name, "down", "", "", "", ""] }
            let rate = status.metrics[.ticksPerSecond].map { String(Int($0)) } ?? ""
            return [
                stage.stage.name, state(stage), status.inputs.first.map { String($0.position) } ?? "",
                status.outputs.first.map { String($0.position) } ?? "", behind(stage), rate,
            ]
        }
        let head = ["stage", "state", "taken", "written", "behind", "ticks/s"]
        return TextTable(
            head: head, rows: rows, leftAligned: ["stage", "state"],
            tones: stages.map { $0.status == nil ? .bad : .plain }
        ).text(style)
    }

    /// `down`, or the stage's own word.
    func state(_ stage: StatusListener.Heard) -> String { stage.status?.state ?? "down" }

    /// Records that a stage has not yet taken of its first input; empty if unknown. The two stages report up
    /// to a second apart, so what comes in a second does not count.
    func behind(_ stage: StatusListener.Heard) -> String {
        guard let stream = stage.stage.inputs.first, let taken = stage.status?.taken(stream),
            let written = stages.compactMap({ $0.status?.written(stream) }).first
        else { return "" }
        let perSecond = stages.compactMap { $0.status?.metrics[.ticksPerSecond] }.first ?? 0
        return String(Int(max(0, Double(written) - Double(taken) - perSecond)))
    }
}
