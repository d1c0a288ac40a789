internal import Logging

/// Logs the first of a kind at once and counts the next ones: the same sentence again within 30 s stands
/// in the next line as `count`.
struct LogThrottle {
    private var last: [String: (monotonic: Int64, suppressed: Int)] = [:]

    static let quietNanos: Int64 = 30_000_000_000

    mutating func warn(_ sentence: String, _ metadata: Logger.Metadata, now: Int64, _ logger: Logger) {
        // Facts that tell one subject from another; a bound on what a confused peer can make us remember.
        let key = "\(sentence) \(metadata["epic"].map { "\($0)" } ?? "") \(metadata["error"].map { "\($0)" } ?? "")"
        if last.count > 1_000 { last = [:] }
        let former = last[key]
        if let former, now - former.monotonic < Self.quietNanos {
            last[key]?.suppressed += 1
            return
        }
        var metadata = metadata
        if let former, former.suppressed > 0 { metadata["count"] = "\(former.suppressed + 1)" }
        last[key] = (now, 0)
        logger.warning("\(sentence)", metadata: metadata)
    }
}
