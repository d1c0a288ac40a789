internal import HTTPService
internal import MarketData

extension Timeframe {
    /// OANDA's name: `M5`, `H1`, `D`. Timeframes that OANDA has not are named alike, such as `M20`.
    var granularity: String {
        if minutes == 1_440 { return "D" }
        return minutes % 60 == 0 ? "H\(minutes / 60)" : "M\(minutes)"
    }
}

/// What stands at the same place in the requests for candles.
extension RouteRequest {
    /// The pair of an instrument's name, such as `EUR_USD`.
    /// - Throws: `WebError` (400) unless candles of it are stored or configured.
    static func instrument(_ name: String, _ timeframes: [Pair: [Timeframe]]) throws -> Pair {
        guard let pair = Pair(name), timeframes[pair] != nil else { throw WebError.invalid("instrument") }
        return pair
    }

    /// - Parameter name: `nil`: OANDA's default, five seconds, which is never there.
    /// - Throws: `WebError` (400) unless the pair has candles of it.
    static func timeframe(granularity name: String?, of pair: Pair, _ timeframes: [Timeframe]) throws -> Timeframe {
        guard let timeframe = timeframes.first(where: { $0.granularity == name }) else {
            let known = timeframes.map(\.granularity).joined(separator: ", ")
            throw WebError.invalid("granularity", "\(pair) has \(known)")
        }
        return timeframe
    }

    /// - Parameter text: some of the letters `M`, `B` and `A`.
    static func sides(_ text: String, parameter: String = "price") throws -> Set<PriceSide> {
        let letters: [Character: PriceSide] = ["M": .mid, "B": .bid, "A": .ask]
        let sides = text.map { letters[$0] }
        guard !sides.isEmpty, !sides.contains(nil) else { throw WebError.invalid(parameter, "Give some of M, B and A") }
        return Set(sides.compactMap { $0 })
    }

    /// A flag in any case, since Python writes `True`.
    func oandaFlag(_ name: String, default value: Bool) throws -> Bool {
        switch http[name]?.lowercased() {
        case nil: value
        case "true": true
        case "false": false
        default: throw WebError.invalid(name, "Give true or false")
        }
    }

    func oandaTime(_ name: String) throws -> UTCNanos? {
        try http[name].map { text in
            guard let time = UTCNanos(query: text) else { throw WebError.invalid(name) }
            return time
        }
    }

    /// Refuses what would give other candles than those that are stored.
    /// - Throws: `WebError` (400).
    func expectStoredCandles(_ timeframe: Timeframe) throws {
        if try oandaFlag("smooth", default: false) {
            throw WebError.invalid("smooth", "Give false: candles open with their first tick")
        }
        if let units = http["units"], units != "1" {
            throw WebError.invalid("units", "Give 1: for how much a price is good is not known")
        }
        try expectAlignment(timeframe)
    }

    private func expectAlignment(_ timeframe: Timeframe) throws {
        let (hour, zone) = (http["dailyAlignment"], http["alignmentTimezone"])
        let hours = try hour.map { text in
            guard let hours = Int64(text), (0...23).contains(hours) else { throw WebError.invalid("dailyAlignment") }
            return hours
        }
        guard timeframe.minutes > 60, hour != nil || zone != nil else { return }
        let name = timeframe.granularity
        guard let zone, ["UTC", "Etc/UTC", "GMT", "Etc/GMT"].contains(zone) else {
            throw WebError.invalid("alignmentTimezone", "Give UTC: candles of \(name) are aligned to midnight UTC")
        }
        // OANDA's default hour is meant for its default zone.
        guard (hours ?? 0) * 3_600 % timeframe.seconds == 0 else {
            throw WebError.invalid("dailyAlignment", "Give 0: candles of \(name) are aligned to midnight UTC")
        }
    }
}
