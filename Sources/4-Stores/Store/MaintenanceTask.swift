public import MarketData

/// Work on the whole database that only its writer does.
public enum MaintenanceTask: Hashable, Sendable, Codable {
    /// Deletes candles and feed events from before a moment.
    case clear(before: UTCSeconds)
    /// Renews the statistics of SQLite's query planner.
    case analyse
    /// Rewrites the file, so that deleted rows take no room.
    case vacuum
}
