internal import FoundationEssentials
public import Host
internal import MarketData
internal import Streams
internal import Wire
internal import Yams

extension Configuration {
    /// Reads the file that `CANDLEWICK_CONFIG` names, else `candlewick.yaml` in systemd's
    /// `CONFIGURATION_DIRECTORY`, if it exists; without both, the defaults.
    /// - Throws: `Failure` (78) with file, line and reason.
    public static func load(environment: Environment) throws -> Configuration {
        guard let path = path(environment) else { return Configuration() }
        let isNamed = environment["CANDLEWICK_CONFIG"] != nil
        return try Configuration(path: path, origin: isNamed ? "CANDLEWICK_CONFIG" : "CONFIGURATION_DIRECTORY")
    }

    /// The file that `load` reads; `nil` without one.
    static func path(_ environment: Environment) -> String? {
        environment["CANDLEWICK_CONFIG"] ?? installedFile(environment)
    }

    /// - Parameter origin: what names the file; stands in the errors.
    /// - Throws: `Failure` (78) with file, line and reason.
    public init(path: String, origin: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            try expectAccess(to: path)
            throw Failure(.configuration, "configuration \(path) cannot be read (named by \(origin))")
        }
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw Failure(.configuration, "configuration \(path) is not UTF-8 text")
        }
        try self.init(yaml: text, path: path)
        try checkName(path)
    }

    /// A copy of another collector's file would stream into that one's journals.
    private func checkName(_ path: String) throws {
        let url = URL(filePath: path).standardizedFileURL
        let name = url.deletingPathExtension().lastPathComponent
        guard url.deletingLastPathComponent().lastPathComponent == Configuration.collectorsFolder,
            name != collector.name
        else {
            return
        }
        throw Failure(
            .configuration,
            "\(path) is the file of collector \(name), and says 'collector: \(collector)': write 'collector: \(name)', or rename the file"
        )
    }

    /// Beside the main file: holds the files of further collectors.
    static let collectorsFolder = "collectors"

    /// The file of an installation under systemd; `nil` if it is missing.
    private static func installedFile(_ environment: Environment) -> String? {
        guard let folder = environment["CONFIGURATION_DIRECTORY"] else { return nil }
        let path = "\(folder)/candlewick.yaml"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// - Parameter path: stands in the errors.
    /// - Throws: `Failure` (78): `path:line: reason`.
    public init(yaml: String, path: String) throws {
        self.init()
        let reader = YAMLReader(path: path)
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw Failure(.configuration, "\(path): \(YAMLReader.oneLine("\(error)"))")
        }
        guard let root, root.null == nil else { return }
        try read(root, under: "", reader)
        try check(path)
    }

    /// - Parameter section: the path of the keys above, with a dot at its end; empty at the top.
    private mutating func read(_ node: Node, under section: String, _ reader: YAMLReader) throws {
        try reader.eachKey(of: node) { name, value in
            guard !name.contains(".") else { return false }
            let path = section + name
            if let key = ConfigurationKey.all.first(where: { $0.path == path }) {
                do {
                    try key.read(&self, value, reader)
                } catch let failure as Failure {
                    throw Failure(failure.code, "\(failure) (\(path))")
                }
                return true
            }
            guard ConfigurationKey.all.contains(where: { $0.path.hasPrefix("\(path).") }) else { return false }
            try read(value, under: "\(path).", reader)
            return true
        }
    }

    /// What no key can check by itself.
    private func check(_ path: String) throws {
        guard history.reservePoints < history.weeklyPoints else {
            throw Failure(
                .configuration,
                "\(path): history.reserve_points \(history.reservePoints) leaves nothing of history.weekly_points \(history.weeklyPoints)"
            )
        }
        // A day more than late ticks reach: what the aggregator needs at its start must still be there.
        let reach = lateReach.components.seconds
        let needed = reach / 86_400 + 1
        if journal.retentionDays > 0, journal.retentionDays < needed {
            throw Failure(
                .configuration,
                "\(path): late_reach_minutes \(reach / 60) needs journal.retention_days \(needed) or more, or 0")
        }
    }
}
