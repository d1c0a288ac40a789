/// Ticks of one pair, read from CSV or gzip CSV with the header `timestamp_utc_ns,bid,ask`.
///
/// `timestamp_utc_ns` is a whole number of nanoseconds since 1970 UTC; `bid` and `ask` are decimals, kept
/// digit for digit; an empty one means that the side has no price. Rows must not step back in time
/// unless late ticks are allowed.
struct TickFileParser: LineParser {
    static let lineBytesMax = 256
    static let needsLastEnd = false
    static let header = "timestamp_utc_ns,bid,ask"

    let allowsLateTicks: Bool
    private var ticks: [MarketTick] = []

    init(allowsLateTicks: Bool = false) { self.allowsLateTicks = allowsLateTicks }

    mutating func take(_ line: ArraySlice<UInt8>, number: Int) throws(LineRefusal) {
        let row = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        if number == 1 {
            guard row.elementsEqual(Self.header.utf8) else {
                throw LineRefusal("the header must be `\(Self.header)`")
            }
            return
        }
        guard let firstComma = row.firstIndex(of: UInt8(ascii: ",")),
            let secondComma = row[(firstComma + 1)...].firstIndex(of: UInt8(ascii: ","))
        else { throw LineRefusal("expected three columns") }
        let time = try nanoseconds(row[..<firstComma])
        let bid = try price(row[(firstComma + 1)..<secondComma], named: "bid")
        let ask = try price(row[(secondComma + 1)...], named: "ask")
        if let last = ticks.last, time < last.time, !allowsLateTicks {
            throw LineRefusal("the time \(time) is before that of the row above, \(last.time)")
        }
        ticks.append(MarketTick(time: time, bid: bid, ask: ask))
    }

    func finish() throws(LineRefusal) -> [MarketTick] {
        guard !ticks.isEmpty else { throw LineRefusal("no ticks") }
        return ticks
    }

    private func price(_ text: ArraySlice<UInt8>, named name: String) throws(LineRefusal) -> WirePrice {
        guard let price = WirePrice(text: text) else {
            throw LineRefusal("`\(shown(text))` is not a valid \(name) price")
        }
        return price
    }
}
