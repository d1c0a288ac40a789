internal import Engines
internal import Host
internal import MarketData
internal import Reports
internal import Settings
internal import Store

/// What the database holds, in a few lines.
enum DatabaseSummary {
    /// - Throws: `Failure` (69) if the database does not exist yet.
    static func text(_ paths: Paths, _ configuration: Configuration) throws -> String {
        let lines = try storeEngine.openReader(paths).statistics()
        var text = "Database \(paths.database)\n"
        for timeframe in configuration.timeframes {
            let rows = lines.filter { $0.series.timeframe == timeframe }
            let (count, complete) = (rows.reduce(0) { $0 + $1.count }, rows.reduce(0) { $0 + $1.complete })
            let enough = rows.count { $0.complete >= configuration.history.depth }
            text += "  \(padded("\(timeframe)", 6))\(counted(rows.count, "pair")), \(counted(count, "candle"))"
            text +=
                ", \(grouped(complete)) of them complete; \(counted(enough, "pair")) with \(configuration.history.depth) or more"
            text += rows.map(\.newest).max().map { "; newest \($0.minuteText)\n" } ?? "\n"
        }
        return text
    }
}
