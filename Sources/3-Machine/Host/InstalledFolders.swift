internal import FoundationEssentials
internal import Glibc

/// The folders of an installation under systemd, which an operator's programs use as the units do.
/// Source: docs/decisions/0055.
public struct InstalledFolders: Sendable {
    /// `/etc/candlewick`.
    public let configuration: String
    /// `/var/lib/candlewick`.
    public let state: String
    /// `/run/candlewick`.
    public let runtime: String

    /// - Parameter root: stands before each path; empty: this machine's.
    /// - Returns: `nil` if no installation is there.
    public init?(root: String = "") {
        configuration = "\(root)/etc/candlewick"
        state = "\(root)/var/lib/candlewick"
        runtime = "\(root)/run/candlewick"
        guard FileManager.default.fileExists(atPath: configuration) else { return nil }
    }

    /// The variables of the units; often for root only.
    public var environmentFile: String { "\(configuration)/environment" }

    /// Whether there are variables that this user may not read.
    public var hidesEnvironment: Bool { ClosedPath(environmentFile, .read) != nil }

    /// What the units set, as far as this user may read it.
    var variables: [String: String] {
        let text = FileManager.default.contents(atPath: environmentFile).map { String(decoding: $0, as: UTF8.self) }
        var variables = InstalledFolders.variables(text ?? "")
        variables["CANDLEWICK_STATE_DIR"] = state
        variables["CANDLEWICK_RUNTIME_DIR"] = runtime
        let file = "\(configuration)/candlewick.yaml"
        if access(file, F_OK) == 0 { variables["CANDLEWICK_CONFIG"] = file }
        return variables
    }

    /// The assignments of a file, one a line. Source: systemd.exec(5), EnvironmentFile=.
    private static func variables(_ text: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].filter { !$0.isWhitespace }
            guard parts.count == 2, !name.isEmpty, !"#;".contains(name.first!) else { continue }
            var value = parts[1].drop(while: \.isWhitespace)
            while value.last?.isWhitespace == true { value.removeLast() }
            if let quote = value.first, "\"'".contains(quote), value.count > 1, value.last == quote {
                value = value.dropFirst().dropLast()
            }
            variables[name] = String(value)
        }
        return variables
    }
}
