internal import Glibc
public import Logging
internal import MarketData

/// Writes each log line to standard error: time (UTC), level, program, then the sentence, then the facts by name.
///
///     2026-11-23T14:10:05.123Z warning ingest-stream: Session lost error="code 31 ended" session=2
///
/// systemd's journal keeps time and program itself: there a line begins with its priority and the sentence.
/// Source: sd-daemon(3), systemd.exec(5) § JOURNAL_STREAM.
public struct LogLines: LogHandler {
    public var logLevel = Logger.Level.info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let program: String
    private let isJournal: Bool
    private let clock: Clock
    private let write: @Sendable (String) -> Void

    public init(
        program: String, isJournal: Bool, clock: Clock,
        write: @escaping @Sendable (String) -> Void = { Program.write(standardError: $0) }
    ) {
        self.program = program
        self.isJournal = isJournal
        self.clock = clock
        self.write = write
    }

    /// Whether standard error goes to systemd's journal: JOURNAL_STREAM names its device and inode.
    public static func isJournal(_ environment: Environment) -> Bool {
        var info = stat()
        guard let stream = environment["JOURNAL_STREAM"], fstat(2, &info) == 0 else { return false }
        return stream == "\(info.st_dev):\(info.st_ino)"
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var facts = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }
        facts.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { facts["error"] = "\(error)" }
        let head = isJournal ? "<\(Self.priority(event.level))>" : "\(clock.now()) \(event.level) \(program): "
        let tail = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        write("\(head)\(event.message)\(tail)\n")
    }

    /// As syslog counts: 3 error, 7 debug.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// In quotes if it is not one word, so that a line can be split again.
    private static func quoted(_ value: String) -> String {
        let isWord =
            !value.isEmpty && value.unicodeScalars.allSatisfy { $0.value > 32 && $0 != "\"" && $0.value != 127 }
        if isWord { return value }
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar.value < 32 || scalar.value == 127 ? " " : scalar)
            }
        }
        return "\"\(text)\""
    }
}
