import MarketData
import TestKit
import Wire

/// Records as short texts. Times are seconds after 1,600,000,000.
func texts(_ records: [TickEnvelope]) -> [String] { records.map(text) }

private func text(_ record: TickEnvelope) -> String {
    let time = "\(Double(record.brokerTime.rawValue / 1_000_000 - 1_600_000_000_000) / 1000)"
    switch record.kind {
    case .tick: return "\(record.pair) \(record.bid) \(record.ask) @\(time) \(record.flags.rawValue)"
    case .clock:
        let marks = [(TickFlags.localClock, " local"), (.predicted, " predicted")]
        return "clock @\(time)" + marks.filter { record.flags.contains($0.0) }.map(\.1).joined()
    default:
        switch record.feedEvent {
        case .blindBegan(let since): return "blind since \(since.rawValue / 1_000_000_000 % 100_000)"
        case .blindEnded(let from, let until):
            return "blind \(from.rawValue / 1_000_000_000 % 100_000) to \(until.rawValue / 1_000_000_000 % 100_000)"
        case let event: return event?.name ?? "?"
        }
    }
}
