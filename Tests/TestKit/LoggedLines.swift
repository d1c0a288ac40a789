public import Logging
internal import Synchronization

/// Keeps the lines that are logged.
public final class LoggedLines: Sendable {
    private let all = Mutex<[String]>([])

    public init() {}

    /// A logger whose lines, with their facts, are kept here.
    public var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    /// Those since the last call.
    public func take() -> [String] {
        all.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    private struct Handler: LogHandler {
        let lines: LoggedLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            lines.all.withLock { $0.append("\(event.message) \(facts)") }
        }
    }
}
