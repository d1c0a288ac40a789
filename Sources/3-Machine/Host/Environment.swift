internal import FoundationEssentials
internal import Glibc

/// The process's environment variables. Handed in, so that a test can say.
public struct Environment: Sendable {
    /// All of them, for a program that is started with them.
    public let variables: [String: String]

    public init(_ variables: [String: String]) { self.variables = variables }

    /// The variables of this process.
    public static var process: Environment { Environment(ProcessInfo.processInfo.environment) }

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

    /// A variable, or the systemd credential of the same name.
    /// - Throws: `Failure` (78) if the credential's file exists and cannot be read.
    public func credential(_ name: String) throws -> String? {
        if let value = self[name] { return value }
        guard let folder = self["CREDENTIALS_DIRECTORY"] else { return nil }
        let path = "\(folder)/\(name)"
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.configuration, "credential \(name) cannot be read from \(folder)")
        }
        var text = String(decoding: data, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
