internal import MarketData
internal import Reports

extension Notice {
    /// In one line, such as `candlewick on fx1: EUR_USD blind since …`.
    package var title: String { "candlewick on \(host): \(headline)" }

    private var headline: String {
        if let note { return note }
        if let first = appeared.first {
            let others = appeared.count + still.count - 1
            return "\(first.finding.state.rawValue): \(sentence(first))" + (others == 0 ? "" : " (and \(others) more)")
        }
        if let first = still.first {
            let others = still.count == 1 ? "" : " (and \(still.count - 1) more)"
            return
                "still \(state.rawValue) after \(Notice.age(badSince ?? first.since, time)): \(sentence(first))\(others)"
        }
        return "all is well again after \(Notice.age(badSince ?? time, time))"
    }

    /// For a person: the title, then a line for each finding that it does not name, with the advice for new ones.
    package var text: String {
        let over = ended.map { "ended after \(Notice.age($0.since, $0.until ?? time)): \(sentence($0))" }
        let old = still.map { "still, for \(Notice.age($0.since, time)): \(sentence($0))" }
        let others = appeared.isEmpty ? Array(old.dropFirst()) : old
        let lines = [title + advice(appeared.first)] + Notice.first(new) + Notice.first(over) + Notice.first(others)
        return Notice.clipped(lines.joined(separator: "\n"))
    }

    /// Those that the title does not name.
    private var new: [String] {
        appeared.dropFirst().map { "\($0.finding.state.rawValue): \(sentence($0))\(advice($0))" }
    }

    private func advice(_ item: WatchedFinding?) -> String {
        guard let advice = item?.finding.advice, !advice.isEmpty else { return "" }
        return "\n  -> \(oneLine(advice))"
    }

    /// The shortest limit of a receiver is Telegram's, 4,096 characters; ntfy's is 4,096 bytes.
    private static let sizeMax = 3_800
    private static let linesMax = 10

    private static func first(_ lines: [String]) -> [String] {
        lines.count <= linesMax ? lines : lines.prefix(linesMax) + ["and \(lines.count - linesMax) more"]
    }

    private static func clipped(_ text: String) -> String {
        guard text.utf8.count > sizeMax else { return text }
        var rest = text[...]
        while rest.utf8.count > sizeMax { rest.removeLast() }
        return rest + "…"
    }

    private static func age(_ since: Int64, _ now: Int64) -> String {
        Duration.seconds(max(0, now - since)).wholeSeconds
    }

    /// With the checked thing before it, if the sentence does not name it.
    private func sentence(_ item: WatchedFinding) -> String {
        let finding = item.finding
        let owner = finding.collector.map { "\($0): " } ?? ""
        let subject = finding.subject.isEmpty ? "" : " \(finding.subject)"
        return oneLine("\(owner)\(finding.check)\(subject): \(finding.finding)")
    }

    private func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\t" || $0 == "\0" ? " " : $0 })
    }
}

/// The message as the webhook of shape `json` and the command get it.
struct NoticeObject: Encodable {
    let time: Int64
    let host: String
    let state: Finding.State
    let appeared: [WatchedFinding]
    let ended: [WatchedFinding]
    let still: [WatchedFinding]
    let title: String
    let text: String

    init(_ notice: Notice) {
        (time, host, state) = (notice.time, notice.host, notice.state)
        (appeared, ended, still) = (notice.appeared, notice.ended, notice.still)
        (title, text) = (notice.title, notice.text)
    }
}
