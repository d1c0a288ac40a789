import Journal
import Wire
extension Invariants {
    static func dump(_ world: CrashWorld) throws {
        let reader = try JournalReader(folder: world.path(.ticks), recordSize: 64)
        var n = 0
        while try reader.read(TickRecord.self, { r in
            n += 1
            if r.kind == .feed || n < 5 { print(r.position, r.kind == .feed ? "\(r.feedEvent!)" : "rec", r.brokerTime) }
        }) > 0 {}
        print("missing", reader.missingPositions)
        for (k, e) in world.database.events.sorted(by: { $0.key < $1.key }) { print("DB", k, e.feedEvent!, e.start) }
    }
}
