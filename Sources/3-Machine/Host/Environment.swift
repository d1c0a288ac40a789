internal import FoundationEssentials
internal import Glibc

/// The process's environment variables. Handed in, so that a test can say.
public struct Environment: Sendable {
    /// All of them, for a program that is started with them.
    public private(set) var variables: [String: String]
    /// Where the folders are those of an installation.
    public private(set) var installation: InstalledFolders?

    public init(_ variables: [String: String]) { self.variables = variables }

    /// The variables of this process, and where they name no folders, those of this machine's installation.
    public static var process: Environment { bare.completed(by: InstalledFolders()) }

    /// The variables of this process alone.
    public static var bare: Environment { Environment(ProcessInfo.processInfo.environment) }

    /// The same with the variables of an installation where they are not set, unless a unit or a variable names other
    /// folders. Source: docs/decisions/0055.
    public func completed(by installation: InstalledFolders?) -> Environment {
        guard let installation, self["STATE_DIRECTORY"] == nil, self["RUNTIME_DIRECTORY"] == nil,
            [nil, installation.state].contains(self["CANDLEWICK_STATE_DIR"]),
            [nil, installation.runtime].contains(self["CANDLEWICK_RUNTIME_DIR"])
        else { return self }
        var whole = self
        whole.variables.merge(installation.variables) { own, installed in own.isEmpty ? installed : own }
        whole.installation = installation
        return whole
    }

    /// The value; `nil` also for an empty one.
    public subscript(name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The same with other values; `nil` removes a variable.
    public func with(_ changes: [String: String?]) -> Environment {
        var variables = variables
        for (name, value) in changes { variables[name] = value }
        return Environment(variables)
    }

    /// A variable, or the systemd credential of the same name; without the line ends behind it.
    /// - Throws: `Failure` (78) if the credential's file exists and cannot be read.
    public func credential(_ name: String) throws -> String? {
        if let value = self[name] { return value.withoutLineEnds }
        guard let folder = self["CREDENTIALS_DIRECTORY"] else { return nil }
        let path = "\(folder)/\(name)"
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.configuration, "credential \(name) cannot be read from \(folder)")
        }
        return String(decoding: data, as: UTF8.self).withoutLineEnds
    }
}

extension String {
    fileprivate var withoutLineEnds: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
