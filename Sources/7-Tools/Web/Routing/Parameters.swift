internal import HTTPService
package import MarketData

/// Reads a request's query and the names of its path. What cannot be read is an error 400 whose sentence says what is
/// wrong and what is right.
extension RouteRequest {
    /// - Throws: `WebError` (400) if the query has another parameter, or one of them twice.
    package func expect(_ known: [String]) throws {
        var seen: Set<String> = []
        for (name, _) in http.query {
            guard known.contains(name) else {
                let list = known.isEmpty ? "no parameter" : known.joined(separator: ", ")
                throw WebError.badRequest("there is no parameter \(shown(name)) here: this path knows \(list)")
            }
            guard seen.insert(name).inserted else {
                throw WebError.badRequest("the parameter \(name) is there twice: give it once")
            }
        }
    }

    /// A moment: Unix seconds, with decimals or without, or RFC 3339; `nil` without the parameter.
    package func time(_ name: String) throws -> UTCNanos? {
        try http[name].map { try RouteRequest.time($0, name) }
    }

    private static func time(_ text: String, _ name: String) throws -> UTCNanos {
        guard let time = UTCNanos(query: text) else {
            throw WebError.badRequest(
                "\(name) is \(shown(text)): give Unix seconds, or RFC 3339 such as 2026-11-23T14:10:00Z, from 1970 to 2199"
            )
        }
        return time
    }

    /// The part of the path that is a moment; as `time`.
    package func pathTime(_ name: String = "time") throws -> UTCNanos { try RouteRequest.time(self.name(name), name) }

    /// From `from`, inclusive, to `to`, exclusive, in whole seconds: those that begin in it.
    package func timeRange(from: String = "from", to: String = "to") throws -> (first: UTCSeconds?, end: UTCSeconds?) {
        let (first, end) = (try time(from)?.roundedUp, try time(to)?.roundedUp)
        if let first, let end, first > end { throw WebError.badRequest("\(from) lies after \(to): exchange them") }
        return (first, end)
    }

    /// A whole number.
    /// - Parameter value: without the parameter.
    package func count(_ name: String = "count", in allowed: ClosedRange<Int>, default value: Int) throws -> Int {
        guard let text = http[name] else { return value }
        guard text.utf8.allSatisfy(\.isDigit), let number = Int(text), allowed.contains(number)
        else {
            throw WebError.badRequest(
                "\(name) is \(shown(text)): give a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return number
    }

    /// `true` or `false`; false without the parameter.
    package func flag(_ name: String) throws -> Bool {
        switch http[name] {
        case nil, "false": false
        case "true": true
        case let text?: throw WebError.badRequest("\(name) is \(shown(text)): give true or false")
        }
    }

    /// One of some words.
    /// - Parameter value: without the parameter.
    package func choice<Value>(_ name: String, of values: KeyValuePairs<String, Value>, default value: Value) throws
        -> Value
    {
        guard let text = http[name] else { return value }
        guard let chosen = values.first(where: { $0.key == text }) else {
            let words = values.map(\.key).joined(separator: ", ")
            throw WebError.badRequest("\(name) is \(shown(text)): give one of \(words)")
        }
        return chosen.value
    }

    // MARK: Pairs and timeframes

    /// The part of the path that is a pair. One that cannot be a pair's name is not there: 404.
    package func pathPair(_ name: String = "pair") throws -> Pair {
        guard let pair = Pair(self.name(name)) else {
            throw WebError.notFound("\(shown(self.name(name))) is no name of a pair: write it as EUR_USD")
        }
        return pair
    }

    /// The part of the path that is a timeframe; 404 as `pathPair`.
    package func pathTimeframe(_ name: String = "timeframe") throws -> Timeframe {
        guard let timeframe = Timeframe(query: self.name(name)) else {
            throw WebError.notFound(Timeframe.refusal(of: self.name(name)))
        }
        return timeframe
    }

    /// `nil` without the parameter.
    package func pair(_ name: String = "pair") throws -> Pair? {
        try http[name].map { text in
            guard let pair = Pair(text) else {
                throw WebError.badRequest("\(name) is \(shown(text)): give a name such as EUR_USD")
            }
            return pair
        }
    }

    /// Names with commas between them; empty without the parameter.
    package func pairs(_ name: String = "pairs") throws -> [Pair] {
        guard let text = http[name] else { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let pair = Pair(part) else {
                throw WebError.badRequest("\(name) has \(shown(part)): give names such as EUR_USD,GBP_USD")
            }
            return pair
        }
    }

    /// `nil` without the parameter.
    package func timeframe(_ name: String = "timeframe") throws -> Timeframe? {
        try http[name].map { text in
            guard let timeframe = Timeframe(query: text) else {
                throw WebError.badRequest("\(name): \(Timeframe.refusal(of: text))")
            }
            return timeframe
        }
    }
}

/// What a client sent, as a message shows it: in quotes, at most 40 characters.
package func shown(_ text: some StringProtocol) -> String {
    text.count > 40 ? "'\(text.prefix(40))…'" : "'\(text)'"
}

extension Timeframe {
    /// As `init(_:)`, but without a sign.
    fileprivate init?(query text: String) {
        guard text.utf8.first?.isDigit == true else { return nil }
        self.init(text)
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension UTCNanos {
    /// Reads Unix seconds with up to 9 decimals, or RFC 3339: `1795443000.25`, `2026-11-23T14:10:00+01:00`.
    /// - Returns: `nil` for anything else, and outside 1970 to 2199.
    package init?(query text: String) {
        guard text.utf8.first?.isDigit == true else { return nil }
        let text = text.uppercased()
        if let offset = UTCNanos.offset(text) {
            guard let local = UTCNanos(text: text.dropLast(6)) else { return nil }
            self = local - .seconds(offset)
            guard rawValue >= 0 else { return nil }
            return
        }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !text.contains("-") else {
            self.init(text: text)
            return
        }
        guard let seconds = UTCNanos(text: parts[0]), (1...9).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy(\.isDigit),
            let fraction = Int64(parts[1] + String(repeating: "0", count: 9 - parts[1].utf8.count))
        else { return nil }
        self.init(rawValue: seconds.rawValue + fraction)
    }

    /// Seconds of the offset at the end of a time with one; `nil` of another text.
    private static func offset(_ text: String) -> Int64? {
        let end = Array(text.utf8.suffix(6))
        guard text.contains("T"), end.count == 6, end[0] == UInt8(ascii: "+") || end[0] == UInt8(ascii: "-"),
            end[3] == UInt8(ascii: ":")
        else { return nil }
        let fields = [end[1...2], end[4...5]].map { Int64(String(decoding: $0, as: UTF8.self)) }
        guard let hours = fields[0], let minutes = fields[1], (0..<24).contains(hours), (0..<60).contains(minutes)
        else { return nil }
        let seconds = (hours * 60 + minutes) * 60
        return end[0] == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// The first whole second that is no earlier.
    package var roundedUp: UTCSeconds {
        UTCSeconds(rawValue: seconds.rawValue + (UTCNanos(seconds: seconds) < self ? 1 : 0))
    }
}
