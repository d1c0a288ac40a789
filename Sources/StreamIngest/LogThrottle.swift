internal import Logging

/// Logs the first of a kind at once and counts the next ones: the same sentence again within 30 s stands
/// in the next line as `count`.
struct LogThrottle {
    private var last: [String: (monotonic: Int64, suppressed: Int)] = [:]

    static let quietNanos: Int64 = 30_000_000_000

    mutating func warn(_ sentence: String, _ metadata: Logger.Metadata, now: Int64, _ logger: Logger) {
        let former = last[sentence]
        if let former, now - former.monotonic < Self.quietNanos {
            last[sentence]?.suppressed += 1
            return
        }
        var metadata = metadata
        if let former, former.suppressed > 0 { metadata["count"] = "\(former.suppressed + 1)" }
        last[sentence] = (now, 0)
        logger.warning("\(sentence)", metadata: metadata)
    }
}
