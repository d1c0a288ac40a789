internal import MarketData

/// Plays a capture: one act for each session of the connection that was captured.
///
/// An act begins when all of its items that have updates are subscribed to, and sends them what they
/// received, their snapshots too, in the same order. Owns no clock.
final class CapturePlay {
    let items: [MarketItem]
    private(set) var phase = Market.Phase.waiting
    /// Updates played so far, for each item.
    private(set) var sentCounts: [Int]
    /// Lets what happened to the connection happen here too.
    var breakOff: (Fault) -> Void = { _ in }

    private let capture: Capture
    private let clockFields: [Int?]
    private var act = 0
    private var event = 0

    init(_ capture: Capture) {
        self.capture = capture
        items = capture.items.map { MarketItem(name: $0.name, mode: $0.mode, fields: $0.fields) }
        clockFields = items.map { $0.fields.firstIndex(of: "HEARTBEAT") ?? $0.fields.firstIndex(of: "UTM") }
        sentCounts = items.map { _ in 0 }
        for item in items { item.playsSnapshot = true }
    }

    /// The first market time of the capture; if it has none, the time of its first event.
    var beginning: Int64 {
        let told = capture.acts.lazy.flatMap(\.events).compactMap { [self] event -> Int64? in
            if case .update(let item, let values) = event.step { marketTime(item, values) } else { nil }
        }
        return told.first ?? nextTime
    }

    /// When the next event was received, ns since 1970; `Int64.max` behind the last one.
    var nextTime: Int64 {
        guard phase != .finished else { return .max }
        let act = capture.acts[self.act]
        return event < act.events.count ? act.events[event].time : act.endTime
    }

    /// Begins the act when everybody is there.
    func startIfAttended() {
        guard phase == .waiting, capture.acts[act].awaited.allSatisfy({ !items[$0].listeners.isEmpty }) else { return }
        phase = .running
    }

    /// Plays the next event. Only while running.
    /// - Returns: its market time.
    func playNext() -> Int64? {
        let act = capture.acts[self.act]
        guard event < act.events.count else {
            endAct(act.ending)
            return nil
        }
        defer { if event == act.events.count, act.ending == nil { phase = .finished } }
        event += 1
        switch act.events[event - 1].step {
        case .update(let item, let values):
            items[item].values = Array(capture.values[values..<(values + items[item].fields.count)])
            items[item].publish()
            sentCounts[item] += 1
            return marketTime(item, values)
        case .notice(let item, let notice): items[item].publish(notice)
        case .cut: breakOff(.cut(after: 0))
        case .loop: breakOff(.loop)
        }
        return nil
    }

    /// The next session begins with new snapshots, and waits for its client.
    private func endAct(_ ending: Capture.Ending?) {
        act += 1
        event = 0
        phase = .waiting
        for item in items {
            item.hasValues = false
            item.playsSnapshot = true
        }
        switch ending {
        case .ended(let code): breakOff(.end(code: code))
        case .lost, nil: breakOff(.forget)
        }
    }

    /// The time of a heartbeat, in seconds or milliseconds, or of a tick, in milliseconds (ig-api §§ 9.3, 9.4).
    private func marketTime(_ item: Int, _ values: Int) -> Int64? {
        guard let field = clockFields[item], let value = capture.values[values + field].integer else { return nil }
        let millis = value < 100_000_000_000 ? value &* 1_000 : value
        // 2000 to 2100: what a time of the broker can be.
        return (946_684_800_000..<4_102_444_800_000).contains(millis) ? millis * UTCNanos.perMillisecond : nil
    }
}
