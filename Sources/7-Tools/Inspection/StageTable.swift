internal import Wire

/// The stages below each other: state, position, and how far each is behind the one before.
struct StageTable {
    private let stages: [StageStatus]

    init(_ stages: [StageStatus]) { self.stages = stages }

    func text(_ style: TextStyle) -> String {
        let rows = stages.map { stage -> [String] in
            guard stage.json != nil else { return [stage.stage.name, "down", "", "", ""] }
            let position = ["ticksPosition", "candlesPosition"].compactMap { stage.number($0) }.first ?? 0
            let rate = stage.number("ticksPerSecond").map { String(Int($0)) } ?? ""
            return [stage.stage.name, state(stage), String(Int(position)), behind(stage), rate]
        }
        let head = ["stage", "state", "position", "behind", "ticks/s"]
        return TextTable(
            head: head, rows: rows, leftAligned: ["stage", "state"],
            tones: stages.map { $0.json == nil ? .bad : .plain }
        ).text(style)
    }

    /// `down`, `live`, `catching up`, or the stage's own word.
    func state(_ stage: StageStatus) -> String {
        guard stage.json != nil else { return "down" }
        return stage.text("state") ?? (stage.number("isLive") == 1 ? "live" : "catching up")
    }

    /// How many records a stage has still to take from the one before; empty where nothing tells. The two
    /// speak up to a second apart, so what comes in a second does not count.
    func behind(_ stage: StageStatus) -> String {
        let inputs: [Stage: (Stage, String)] = [
            .aggregator: (.ingestStream, "ticksPosition"), .storeWriter: (.aggregator, "candlesPosition"),
        ]
        guard let (source, key) = inputs[stage.stage], let taken = stage.number(key),
            let given = stages.first(where: { $0.stage == source })?.number(key)
        else { return "" }
        let perSecond = stages.first { $0.stage == .ingestStream }?.number("ticksPerSecond") ?? 0
        return String(Int(max(0, given - taken - perSecond)))
    }
}
