public import Host

/// A kind of database that keeps candles.
public protocol StoreEngine: Sendable {
    /// Opens the database of a state folder for its one writer, makes it if it is missing, and brings its schema up to date.
    /// - Parameter enforcesOpinions: a candle that the broker's own disputes is partial; otherwise it is marked only.
    /// - Throws: `Failure` (75) if another process writes it; (65) if a later version made it; `StoreError`.
    func openWriter(_ paths: Paths, enforcesOpinions: Bool) throws -> any CandleWriter

    /// Opens the database of a state folder, read-only.
    /// - Throws: `Failure` (69) if it is missing, (75) if it is on a server that cannot be reached; `StoreError`.
    func openReader(_ paths: Paths) throws -> any CandleQueries
}
