/// Receives each new state of an item.
protocol ItemListener: AnyObject {
    func itemChanged()
    func itemNoted(_ notice: ItemNotice)
}

/// The server's messages about an item besides its updates.
enum ItemNotice: Hashable, Sendable {
    case endOfSnapshot
    case snapshotCleared
    case updatesLost(Int)
}

/// How an item is published. `COMMAND` and `RAW` are not used at IG.
enum ItemMode: String, Sendable {
    case merge = "MERGE"
    case distinct = "DISTINCT"
}

/// One Lightstreamer item: field names, present values and listeners.
final class MarketItem {
    let name: String
    let mode: ItemMode
    let fields: [String]
    /// The epic that its name holds: `CHART:epic:scale`, `PRICE:account:epic`.
    let epic: String?
    /// One value per field. All null before the first update.
    var values: [FieldValue]
    /// Whether there is anything to show as a snapshot.
    var hasValues = false
    /// The end of its snapshot is yet to be published, like an update: a new subscriber must wait for it.
    var playsSnapshot = false
    private(set) var listeners: [any ItemListener] = []
    /// Brings the values up to date: they stay as they are without a subscriber.
    var refresh: () -> Void = {}

    init(name: String, mode: ItemMode, fields: [String]) {
        self.name = name
        self.mode = mode
        self.fields = fields
        let parts = name.split(separator: ":").map(String.init)
        epic = parts.count == 3 ? parts[parts[0] == "PRICE" ? 2 : 1] : nil
        values = Array(repeating: .null, count: fields.count)
    }

    func add(_ listener: any ItemListener) {
        if listeners.isEmpty { refresh() }
        listeners.append(listener)
    }

    func remove(_ listener: any ItemListener) { listeners.removeAll { $0 === listener } }

    /// Reports to the listeners that `values` is a new update.
    func publish() {
        hasValues = true
        for listener in listeners { listener.itemChanged() }
    }

    func publish(_ notice: ItemNotice) {
        switch notice {
        case .endOfSnapshot: playsSnapshot = false
        case .snapshotCleared: hasValues = false
        case .updatesLost: break
        }
        for listener in listeners { listener.itemNoted(notice) }
    }
}

/// The scales in which IG publishes candles. Source: ig-api § 9.3.
enum CandleScale: Int, CaseIterable, Sendable {
    case second, oneMinute, fiveMinutes, hour

    var name: String {
        switch self {
        case .second: "SECOND"
        case .oneMinute: "1MINUTE"
        case .fiveMinutes: "5MINUTE"
        case .hour: "HOUR"
        }
    }

    var seconds: Int64 {
        switch self {
        case .second: 1
        case .oneMinute: 60
        case .fiveMinutes: 300
        case .hour: 3_600
        }
    }

    init?(name: String) {
        guard let scale = CandleScale.allCases.first(where: { $0.name == name }) else { return nil }
        self = scale
    }
}
