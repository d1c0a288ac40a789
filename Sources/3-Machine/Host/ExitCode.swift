/// How a program ends, by the numbers of sysexits. `Restart=` rules of the units rely on them.
public enum ExitCode: Int32, Sendable {
    case ok = 0
    /// Wrong arguments: starting again cannot help.
    case usage = 64
    /// Damaged or impossible input data.
    case badData = 65
    /// An input file is not there or cannot be read.
    case missingInput = 66
    /// Something outside is not there: the broker, the database, a stage.
    case unavailable = 69
    /// A bug of ours.
    case software = 70
    /// A journal, database or socket cannot be read or written.
    case io = 74
    /// Try again later; nothing is wrong with the installation.
    case temporary = 75
    /// Another user's files.
    case notPermitted = 77
    /// Wrong configuration or credentials: starting again cannot help.
    case configuration = 78
}

/// An error that ends the program: one sentence for the person, one code for the supervisor.
public struct Failure: Error, CustomStringConvertible, Sendable {
    public let code: ExitCode
    /// One line: what was being done to what, and why it failed. No secrets.
    public let description: String

    public init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// An error that knows how the program should end because of it.
public protocol ExitCodeProviding: Error {
    var exitCode: ExitCode { get }
}

extension Failure: ExitCodeProviding {
    public var exitCode: ExitCode { code }
}
