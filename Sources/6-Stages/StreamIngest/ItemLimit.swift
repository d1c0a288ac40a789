internal import Host
internal import IG
internal import MarketData

/// The most items that the account's one stream may have: a pair's ticks are one, the heartbeat is one. Native candles use
/// what is left. Source: `ig-api` §§ 5, 8, 14.
struct ItemLimit: Hashable {
    let items: Int
    /// The broker named it; else it is the one that is known of IG's accounts.
    let isTold: Bool

    /// What every account is known to stream.
    static let known = ItemLimit(items: 40, isTold: false)
    /// The heartbeat's item, without which the feed has no time.
    private static let otherItems = 1
    /// So many names stand in a sentence.
    private static let namesMax = 10

    init(items: Int, isTold: Bool) { (self.items, self.isTold) = (items, isTold) }

    /// - Parameter limits: `nil` if the broker did not name them. Less than a heartbeat and a pair is no answer either.
    init(_ limits: ApplicationLimits?) {
        guard let items = limits?.subscriptions, items > Self.otherItems else {
            self = .known
            return
        }
        self.init(items: items, isTold: true)
    }

    /// The pairs that fit.
    var instruments: Int { items - Self.otherItems }

    /// The items of so many pairs.
    static func needed(by instruments: [Instrument]) -> Int { instruments.count + otherItems }

    /// The refusal of a configuration with too many instruments; `nil` if they fit.
    func refusal(of all: [Instrument]) -> String? {
        let left = all.dropFirst(instruments).map { "\($0.pair)" }
        guard !left.isEmpty else { return nil }
        let more = (left.count + instruments - 1) / instruments
        let names = left.prefix(Self.namesMax).joined(separator: ", ")
        let rest = left.count > Self.namesMax ? " and \(left.count - Self.namesMax) more" : ""
        let need = more == 1 ? "1 more collector is" : "\(more) more collectors are"
        return """
            \(all.count) instruments need \(Self.needed(by: all)) items, one each and one for the heartbeat, and \
            \(isTold ? "the" : "an") account streams \(items): \(names)\(rest) would be left out. \(need) needed, with an account \
            of its own each (\(Document.path("scaling.md")) § Collectors), or fewer instruments
            """
    }

    /// - Throws: `Failure` (78) if the instruments do not fit.
    func check(_ instruments: [Instrument]) throws {
        if let refusal = refusal(of: instruments) { throw Failure(.configuration, refusal) }
    }
}
