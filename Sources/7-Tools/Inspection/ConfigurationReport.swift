public import Reports
public import Settings

/// The settings in force: every key, its value, and whether the file changed it.
public struct ConfigurationReport: Report, Encodable {
    struct Line: Encodable {
        let key: String
        let value: String
        let isDefault: Bool
    }

    let settings: [Line]

    public init(_ configuration: Configuration) {
        settings = ConfigurationKey.all.map { key in
            let value = key.value(configuration)
            return Line(key: key.path, value: value, isDefault: value == key.defaultValue)
        }
    }

    public func text(_ style: TextStyle) -> String {
        let rows = settings.map { line in
            let value = line.value.count > 60 ? "\(line.value.prefix(57))..." : line.value
            return [line.key, value, line.isDefault ? "default" : "file"]
        }
        let head = ["key", "value", "from"]
        return TextTable(head: head, rows: rows, leftAligned: Set(head)).text(style)
    }
}

/// The keys of the configuration file as a document shows them.
public struct ConfigurationText: Report, Encodable, Sendable {
    private let text: String

    private init(_ text: String) { self.text = text }

    /// A table in Markdown.
    public static let table = ConfigurationText(ConfigurationKey.table)
    /// A commented file that changes nothing.
    public static let sample = ConfigurationText(ConfigurationKey.sample)

    public func text(_ style: TextStyle) -> String { text }
}
