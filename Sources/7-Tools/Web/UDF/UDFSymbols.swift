internal import HTTPService
internal import MarketData
internal import Settings

/// Which symbols there are. Source: TradingView's Charting Library, "UDF" and "Symbology".
enum UDFSymbols {
    /// `/config`
    static func configuration(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let timeframes = Set(try worker.listedPairs().timeframes.values.joined()).sorted()
        let exchange = #"{"value":"IG","name":"IG","desc":"IG Markets"}"#
        var text = JSONText()
        text.begin(.object)
        text.key("supported_resolutions")
        text.strings(timeframes.map(\.resolution))
        for (name, isSupported) in flags {
            text.key(name)
            text.bool(isSupported)
        }
        text.key("exchanges")
        text.value(Array("[\(exchange)]".utf8))
        text.key("symbols_types")
        text.value(Array(#"[{"name":"Forex","value":"forex"},{"name":"CFD","value":"cfd"}]"#.utf8))
        text.end(.object)
        return HTTPResponse(json: text.bytes)
    }

    private static let flags: [(StaticString, Bool)] = [
        ("supports_search", true), ("supports_group_request", false), ("supports_marks", false),
        ("supports_timescale_marks", false), ("supports_time", true),
    ]

    /// `/symbols?symbol=`
    static func symbol(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let (symbol, timeframes) = try listed(request, worker)
        let hours = try worker.facts.collectors().calendar[symbol.pair]
        var text = JSONText(capacity: 800)
        text.symbol(symbol, timeframes, session: hours.session(before: worker.facts.marketNow.seconds))
        return HTTPResponse(json: text.bytes)
    }

    /// The symbol of the parameter, and the timeframes of its pair.
    /// - Throws: `WebError` (404) if no candles of it are stored or configured.
    static func listed(_ request: RouteRequest, _ worker: Worker) throws -> (UDFSymbol, [Timeframe]) {
        let known = try worker.listedPairs().timeframes
        guard let symbol = request.http["symbol"].flatMap(UDFSymbol.init), let timeframes = known[symbol.pair] else {
            throw WebError.notFound("unknown_symbol")
        }
        return (symbol, timeframes)
    }

    /// `/search?query=&type=&exchange=&limit=`
    static func search(_ request: RouteRequest, _ worker: Worker) throws -> HTTPResponse {
        let query = plain(request.http["query"] ?? "")
        let (type, exchange) = (request.http["type"] ?? "", request.http["exchange"] ?? "")
        let limit = try request.count("limit", in: 0...1_000, default: 30)
        let found = try worker.listedPairs().pairs.flatMap(UDFSymbol.all).filter { symbol in
            plain(symbol.name).contains(query) && [symbol.type, ""].contains(type)
                && [UDFSymbol.exchange, ""].contains(exchange)
        }
        var text = JSONText(capacity: 200 * limit)
        text.begin(.array)
        for symbol in found.prefix(limit) { text.searchResult(symbol) }
        text.end(.array)
        return HTTPResponse(json: text.bytes)
    }

    /// A name without what people write between its parts.
    private static func plain(_ name: String) -> String {
        let upper = name.uppercased()
        let own = upper.hasPrefix("\(UDFSymbol.exchange):") ? upper.dropFirst(UDFSymbol.exchange.count + 1) : upper[...]
        return own.filter { !"_/ -".contains($0) }
    }
}

extension JSONText {
    fileprivate mutating func strings(_ values: [String]) {
        begin(.array)
        for value in values { string(value) }
        end(.array)
    }

    private mutating func members(_ words: KeyValuePairs<StaticString, String>) {
        for (name, value) in words {
            key(name)
            string(value)
        }
    }

    fileprivate mutating func searchResult(_ symbol: UDFSymbol) {
        begin(.object)
        members([
            "symbol": symbol.name, "full_name": "\(UDFSymbol.exchange):\(symbol.name)", "ticker": symbol.name,
            "description": symbol.description, "exchange": UDFSymbol.exchange, "type": symbol.type,
        ])
        end(.object)
    }

    /// The names of the fields have changed with the library's versions: the former ones are there too.
    fileprivate mutating func symbol(_ symbol: UDFSymbol, _ timeframes: [Timeframe], session: String) {
        begin(.object)
        members([
            "name": symbol.name, "ticker": symbol.name, "description": symbol.description, "type": symbol.type,
            "session": session, "session-regular": session, "timezone": "Etc/UTC", "format": "price",
            "data_status": "streaming", "exchange": UDFSymbol.exchange, "listed_exchange": UDFSymbol.exchange,
            "exchange-traded": UDFSymbol.exchange, "exchange-listed": UDFSymbol.exchange,
        ])
        for (name, number) in [
            ("minmov", symbol.step), ("minmovement", symbol.step), ("minmove2", 0), ("pricescale", symbol.scale),
            ("volume_precision", 0),
        ] as [(StaticString, Int)] {
            key(name)
            integer(number)
        }
        let intraday = timeframes.filter { $0.minutes < 1_440 }
        for (name, isTrue) in [
            ("has_intraday", !intraday.isEmpty), ("has_daily", intraday.count < timeframes.count),
            ("has_weekly_and_monthly", false),
        ] as [(StaticString, Bool)] {
            key(name)
            bool(isTrue)
        }
        key("intraday_multipliers")
        strings(intraday.map(\.resolution))
        key("supported_resolutions")
        strings(timeframes.map(\.resolution))
        end(.object)
    }
}
