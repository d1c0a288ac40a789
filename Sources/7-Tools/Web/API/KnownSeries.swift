package import Inspection
package import MarketData
internal import Settings
internal import Store

/// What can be asked for: a question about anything else is an error 404.
extension Worker {
    /// - Throws: `WebError` (404) unless candles of the series are stored or configured.
    package func expect(_ series: Series) throws {
        let collectors = try facts.collectors()
        if collectors.pairs.contains(series.pair), collectors.timeframes.contains(series.timeframe) { return }
        let stored = try store().series()
        guard !stored.contains(series) else { return }
        let timeframes = stored.filter { $0.pair == series.pair }.map(\.timeframe) + collectors.timeframes
        guard collectors.pairs.contains(series.pair) || stored.contains(where: { $0.pair == series.pair }) else {
            throw WebError.notFound("there is no pair \(series.pair) here: /api/v1/pairs lists all pairs")
        }
        let known = Set(timeframes).sorted().map(\.description).joined(separator: ", ")
        throw WebError.notFound("\(series.pair) has no candles of \(series.timeframe) here: it has those of \(known)")
    }

    /// - Parameters: `nil`: any.
    /// - Throws: `WebError` (404) unless there is a candle of them.
    func expectStored(_ pair: Pair?, _ timeframe: Timeframe?) throws {
        let stored = try store().series()
        let isThere = stored.contains {
            (pair == nil || $0.pair == pair) && (timeframe == nil || $0.timeframe == timeframe)
        }
        guard !isThere else { return }
        let names = [timeframe?.description, pair.map { "of \($0)" }].compactMap(\.self).joined(separator: " ")
        throw WebError.notFound("there are no candles\(names.isEmpty ? "" : " \(names)") here yet")
    }

    /// - Throws: `WebError` (404) unless the pair is stored or configured.
    package func expect(_ pair: Pair) throws {
        guard try !facts.collectors().pairs.contains(pair) else { return }
        guard try store().series().contains(where: { $0.pair == pair }) else {
            throw WebError.notFound("there is no pair \(pair) here: /api/v1/pairs lists all pairs")
        }
    }
}

extension SiteFacts {
    /// - Throws: `WebError` (503) in the first second.
    package func expectView() throws -> PipelineView {
        guard let view else {
            throw WebError(503, "candlewick-web has not seen the pipeline yet: ask again in a second")
        }
        return view
    }
}
