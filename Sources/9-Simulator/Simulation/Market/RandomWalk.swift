internal import MarketData

/// A price path that is a function of seed and market time alone, so that history before the start, the
/// stream at any speed and a second run all show the same prices.
///
/// Each currency has a value in USD that moves by value noise: the sum of octaves with periods of 1, 2, 4 …
/// minutes whose amplitude grows with the square root of the period, as a random walk's does. A pair's mid
/// is the quotient of two currencies, so crosses agree with each other. Inside a minute ticks come at
/// random milliseconds around the line between the minute's two ends.
struct RandomWalk: Sendable {
    let pair: Pair
    let decimals: UInt8
    private let seed: UInt64
    private let base: Currency
    private let quote: Currency
    /// Mean ticks per second in the busiest hours.
    private let rate: Double
    /// In units of the last decimal.
    private let spread: Int64

    private struct Currency: Sendable {
        let key: UInt64
        let dollars: Double
    }

    /// Rough values in USD: realistic sizes, no market's prices.
    private static let dollars: [String: Double] = [
        "EUR": 1.085, "GBP": 1.27, "AUD": 0.66, "NZD": 0.605, "USD": 1, "CAD": 0.7326, "CHF": 1.136, "JPY": 0.00667,
    ]
    /// The relative move of a currency in a minute, about that of a quiet major pair.
    private static let minuteVolatility = 0.00004
    /// 2^20 minutes are two years: slower octaves would only move the level.
    private static let octaves: Int64 = 20

    /// - Parameters:
    ///   - rate: mean ticks per second of all pairs in the busiest hours; major pairs have more than others.
    ///   - ownRate: the same of this pair alone, if it is known.
    init(pair: Pair, seed: UInt64, rate: Double, ownRate: Double? = nil) {
        self.pair = pair
        self.seed = seed
        let jpy = pair.quote == "JPY"
        decimals = jpy ? 3 : 5
        base = RandomWalk.currency(pair.base)
        quote = RandomWalk.currency(pair.quote)
        let majors: Set<String> = ["EUR", "USD", "GBP", "JPY"]
        let major = majors.contains(pair.base) && majors.contains(pair.quote)
        self.rate = ownRate ?? rate * (major ? 1.6 : 0.7)
        spread = major ? 8 : 18
    }

    private static func currency(_ code: String) -> Currency {
        Currency(key: hash(code.utf8.reduce(0) { $0 << 8 | UInt64($1) }), dollars: dollars[code] ?? 1)
    }

    /// The ticks of one minute since 1970, in order; none while the market is shut.
    func ticks(minute: Int64) -> [MarketTick] {
        guard TradingWeek.isOpen(at: minute * 60) else { return [] }
        var random = SeededRandom(seed: hash(seed ^ base.key ^ (quote.key &* 3) ^ UInt64(bitPattern: minute)))
        let from = mid(minute: minute)
        let to = mid(minute: minute + 1)
        let count = Int(60 * rate * activity(minute: minute) * (0.4 + 1.2 * random.unit()))
        var millis = (0..<count).map { _ in Int64(random.next() % 60_000) }
        millis.sort()
        let unit = Double(powerOfTen(Int(decimals)))
        var wobble = 0.0
        return millis.map { millisecond in
            wobble = wobble * 0.9 + (random.unit() - 0.5) * 0.00004
            let level = (from + (to - from) * Double(millisecond) / 60_000) * (1 + wobble)
            let width = spread + Int64(random.next() % 5)
            let bid = Int64(level * unit) - width / 2
            return MarketTick(
                time: minute * 60 * UTCNanos.perSecond + millisecond * UTCNanos.perMillisecond,
                bid: WirePrice(mantissa: bid, decimals: decimals),
                ask: WirePrice(mantissa: bid + width, decimals: decimals))
        }
    }

    /// Busy while London and New York are awake, quiet at the day's turn.
    private func activity(minute: Int64) -> Double {
        switch (minute - floorDivide(minute, 1_440) * 1_440) / 60 {
        case 7..<17: 1
        case 20..<23: 0.2
        default: 0.5
        }
    }

    private func mid(minute: Int64) -> Double {
        value(base, minute: minute) / value(quote, minute: minute)
    }

    private func value(_ currency: Currency, minute: Int64) -> Double {
        var sum = 0.0
        for octave in 0..<RandomWalk.octaves {
            let period: Int64 = 1 << octave
            let left = minute >> octave
            let part = Double(minute & (period - 1)) / Double(period)
            let a = noise(currency, octave: octave, index: left)
            let b = noise(currency, octave: octave, index: left + 1)
            sum += (a + (b - a) * part) * Double(period).squareRoot()
        }
        // Bounded, so that a price can never come near zero.
        let move = max(-0.5, min(0.5, sum * RandomWalk.minuteVolatility))
        return currency.dollars * (1 + move)
    }

    /// Between -1 and 1, the same for ever for the same place.
    private func noise(_ currency: Currency, octave: Int64, index: Int64) -> Double {
        let place = UInt64(bitPattern: index) &* 31 &+ UInt64(octave)
        return Double(hash(seed ^ currency.key ^ hash(place)) >> 11) / 4_503_599_627_370_496.0 - 1
    }
}

/// Chance from a seed, the same in each run: SplitMix64, small, fast, good enough for prices. Source: Steele, Lea and Flood, OOPSLA 2014.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mix(state)
    }

    /// Between 0 and 1.
    mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992.0 }
}

private func hash(_ value: UInt64) -> UInt64 { mix(value &+ 0x9E37_79B9_7F4A_7C15) }

private func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}
