internal import IG
internal import MarketData

/// One side of a pair as a chart shows it: `EURUSD` (mid), `EURUSD.BID`, `EURUSD.ASK`.
struct UDFSymbol: Hashable, Sendable {
    static let exchange = "IG"

    let pair: Pair
    let side: PriceSide

    /// Those of a pair.
    static func all(_ pair: Pair) -> [UDFSymbol] {
        [PriceSide.mid, .bid, .ask].map { UDFSymbol(pair: pair, side: $0) }
    }

    var name: String { side == .mid ? ticker : "\(ticker).\(side.rawValue.uppercased())" }

    /// The pair's name without `_`, if it can still be read so.
    private var ticker: String {
        let short = pair.base + pair.quote
        return Pair(short) == pair ? short : pair.description
    }

    var description: String { "\(pair.displayName) \(side.rawValue)" }
    var type: String { pair.isCurrencyPair ? "forex" : "cfd" }

    /// The smallest step of a price is `step` / `scale`: of mid it is half of that of bid and ask.
    var step: Int { side == .mid ? 5 : 1 }
    var scale: Int {
        (0..<pair.listedDecimals + (side == .mid ? 1 : 0)).reduce(1) { scale, _ in scale * 10 }
    }
}

extension UDFSymbol {
    /// Reads `EURUSD`, `EUR_USD.BID` and `IG:EURUSD`, in either case.
    /// - Returns: `nil` if it cannot be the name of a symbol.
    init?(_ text: String) {
        var name = Substring(text.uppercased())
        if name.hasPrefix("\(UDFSymbol.exchange):") { name = name.dropFirst(UDFSymbol.exchange.count + 1) }
        var side = PriceSide.mid
        if let point = name.lastIndex(of: ".") {
            guard let named = PriceSide(rawValue: name[point...].dropFirst().lowercased()) else { return nil }
            (name, side) = (name[..<point], named)
        }
        guard let pair = Pair(name) else { return nil }
        self.init(pair: pair, side: side)
    }
}

extension Timeframe {
    /// TradingView's name: minutes, `1D`.
    var resolution: String { minutes == 1_440 ? "1D" : "\(minutes)" }

    /// - Parameter resolution: `5`, `60`, `1D`, `D`.
    init?(resolution: String) {
        let name = resolution.uppercased()
        if name == "D" || name == "1D" {
            self.init(minutes: 1_440)
        } else {
            guard let minutes = Int(name), "\(minutes)" == name else { return nil }
            self.init(minutes: minutes)
        }
    }
}

extension TradingHours {
    /// As TradingView writes them: the days of UTC on which the instrument is traded, in summer or in winter.
    ///
    /// Whole days, since a chart counts its bars from the beginning of a session, and our candles are aligned to midnight
    /// UTC. Source: TradingView's Charting Library, "Trading Sessions"; 1 is Sunday.
    /// - Parameter moment: the year that ends then counts.
    func session(before moment: UTCSeconds) -> String {
        let day: Int64 = 86_400
        let today = floorDivide(moment.rawValue, day)
        // 1970-01-01 was a Thursday.
        let open = (today - 364..<today).filter {
            isOpen(during: UTCSeconds(rawValue: $0 * day)..<UTCSeconds(rawValue: ($0 + 1) * day))
        }
        let days = Set(open.map { ($0 + 4) % 7 + 1 }).sorted()
        return days.count == 7 ? "24x7" : "0000-0000:" + days.map { "\($0)" }.joined()
    }
}
