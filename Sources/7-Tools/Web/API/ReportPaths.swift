internal import Inspection
internal import MarketData
internal import Reports
internal import Settings
internal import Store

/// What `candlewick status`, `gaps`, `coverage` and `explain` show, with the option `--json`.
enum ReportPaths {
    static let daysMax = 92

    static let all = [status, gaps, coverage, explanation]

    private static let status = APIPath.query("/status") { _, worker in
        Array(try worker.facts.expectView().status.json.utf8)
    }

    private static let gaps = APIPath.query("/gaps", ["pair", "timeframe", "days"]) { request, worker in
        let (pair, timeframe) = (try request.pair(), try request.timeframe())
        let days = try request.count("days", in: 1...daysMax, default: 7)
        try worker.expectStored(pair, timeframe)
        let report = try GapsReport(
            worker.store(), pairs: pair.map { [$0] } ?? [], timeframe: timeframe, days: days,
            collectors: worker.facts.collectors(), now: worker.facts.view?.seen.marketNow.seconds)
        return Array(report.json.utf8)
    }

    private static let coverage = APIPath.query("/coverage", ["timeframe", "days"]) { request, worker in
        let timeframe = try request.timeframe() ?? .fiveMinutes
        let days = try request.count("days", in: 1...daysMax, default: 30)
        try worker.expectStored(nil, timeframe)
        let calendar = try worker.facts.collectors().calendar
        return Array(
            try Coverage(worker.store(), pairs: [], timeframe: timeframe, days: days, calendar: calendar).json.utf8)
    }

    private static let explanation = APIPath.query(
        "/explanation/{pair}/{timeframe}/{time}", ["ticks"]
    ) { request, worker in
        let series = Series(try request.pathPair(), try request.pathTimeframe())
        let (moment, showsTicks) = (try request.pathTime().seconds, try request.flag("ticks"))
        try worker.expect(series)
        let facts = worker.facts
        let report = try Explanation(
            worker.store(), paths: facts.paths, collectors: facts.collectors(), series: series, at: moment,
            showsTicks: showsTicks)
        return Array(report.json.utf8)
    }
}
