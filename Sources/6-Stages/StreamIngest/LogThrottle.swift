internal import Logging

/// Logs the first of a kind at once and counts the next ones: the same sentence with the same subject within 30 s
/// stands in the next line as `count`. A sentence whose subjects change has so many lines a minute, and then one
/// that counts those left out: what a peer sends cannot fill a log.
struct LogThrottle {
    private var last: [String: (monotonic: Int64, suppressed: Int)] = [:]
    private var causes: [String: Cause] = [:]

    private struct Cause {
        let level: Logger.Level
        let began: Int64
        var lines = 0
        var leftOut = 0
    }

    static let quietNanos: Int64 = 30_000_000_000
    /// More than the subscriptions of one connection.
    static let linesMax = 50
    static let minuteNanos: Int64 = 60_000_000_000

    mutating func warn(_ sentence: String, _ metadata: Logger.Metadata, now: Int64, _ logger: Logger) {
        // Facts that distinguish one subject from another; a bound on what a confused peer can make us remember.
        let key = "\(sentence) \(metadata["epic"].map { "\($0)" } ?? "") \(metadata["error"].map { "\($0)" } ?? "")"
        if last.count > 1_000 { last = [:] }
        let former = last[key]
        if let former, now - former.monotonic < Self.quietNanos {
            last[key]?.suppressed += 1
            return
        }
        guard takeLine(sentence, .warning, now: now, logger) else { return }
        var metadata = metadata
        if let former, former.suppressed > 0 { metadata["count"] = "\(former.suppressed + 1)" }
        last[key] = (now, 0)
        logger.warning("\(sentence)", metadata: metadata)
    }

    /// A line each time, up to the bound of its sentence.
    mutating func say(
        _ level: Logger.Level, _ sentence: String, _ metadata: Logger.Metadata = [:], now: Int64, _ logger: Logger
    ) {
        guard level >= logger.logLevel, takeLine(sentence, level, now: now, logger) else { return }
        logger.log(level: level, "\(sentence)", metadata: metadata)
    }

    /// Counts what was left out of minutes that are over. To be called about once a second.
    mutating func tellLeftOut(now: Int64, _ logger: Logger) {
        for (sentence, cause) in causes where now - cause.began >= Self.minuteNanos {
            causes[sentence] = nil
            guard cause.leftOut > 0 else { continue }
            logger.log(
                level: cause.level, "Lines suppressed: too many in a minute",
                metadata: ["sentence": "\(sentence)", "count": "\(cause.leftOut)"])
        }
    }

    /// - Returns: whether the sentence may have another line now.
    private mutating func takeLine(_ sentence: String, _ level: Logger.Level, now: Int64, _ logger: Logger) -> Bool {
        if let cause = causes[sentence], now - cause.began >= Self.minuteNanos { tellLeftOut(now: now, logger) }
        var cause = causes[sentence] ?? Cause(level: level, began: now)
        let mayHave = cause.lines < Self.linesMax
        if mayHave { cause.lines += 1 } else { cause.leftOut += 1 }
        causes[sentence] = cause
        return mayHave
    }
}
