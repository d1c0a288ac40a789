internal import Glibc

/// A file or folder that this user may not use: whose it is, and the command that helps.
public struct ClosedPath: CustomStringConvertible, Sendable {
    /// What is to be done with a file or folder.
    public enum Use: Sendable {
        case read, write
        /// The names in a folder.
        case list

        fileprivate var mode: Int32 {
            switch self {
            case .read: R_OK
            case .write: W_OK
            case .list: R_OK | X_OK
            }
        }
    }

    /// The first on the way to what was wanted that is closed.
    public let path: String
    /// Whose it is.
    public let reason: String
    /// What the person does about it.
    public let help: String

    /// - Returns: `nil` if it is open to this user, or if it is missing.
    public init?(_ wanted: String, _ use: Use) {
        guard ClosedPath.refusal(wanted, use.mode) == EACCES else { return nil }
        let folder = ClosedPath.folders(above: wanted).first { ClosedPath.refusal($0, X_OK) != 0 }
        path = folder ?? wanted
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        let (owner, user) = (userName(info.st_uid), userName(geteuid()))
        let needed = UInt32(folder == nil ? use.mode : X_OK)
        help =
            if info.st_uid == geteuid() {
                "run 'chmod u+rwX \(path)'"
            } else if info.st_mode >> 3 & needed == needed {
                ClosedPath.joining(info.st_gid, user)
            } else {
                "run \(command(as: owner))"
            }
        reason = "it belongs to user \(owner) and is closed to user \(user)"
    }

    public var description: String { "\(path) cannot be used: \(reason): \(help)" }

    /// By the ids that files are judged by.
    /// - Returns: 0 if it is open, else the system's code.
    private static func refusal(_ path: String, _ mode: Int32) -> Int32 {
        // `errno` is read before the text is freed, which may change it.
        path.withCString { faccessat(AT_FDCWD, $0, mode, AT_EACCESS) == 0 ? 0 : errno }
    }

    private static func joining(_ id: gid_t, _ user: String) -> String {
        let group = getgrgid(id).map { String(cString: $0.pointee.gr_name) } ?? "\(id)"
        return isMember(id, user)
            ? "log in again, since user \(user) joined group \(group) after this login"
            : "run 'sudo usermod -aG \(group) \(user)', then log in again"
    }

    /// Whether a new login would be in the group.
    private static func isMember(_ id: gid_t, _ user: String) -> Bool {
        var count: Int32 = 256
        var groups = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(user, getegid(), &groups, &count) >= 0 else { return false }
        return groups.prefix(Int(count)).contains(id)
    }

    /// From the outermost on.
    private static func folders(above path: String) -> [String] {
        path.indices.dropFirst().filter { path[$0] == "/" }.map { String(path[..<$0]) }
    }
}

/// Refuses what this user may not use.
/// - Throws: `Failure` (77). What is missing passes.
public func expectAccess(to path: String, _ use: ClosedPath.Use = .read) throws {
    if let closed = ClosedPath(path, use) { throw Failure(.notPermitted, "\(closed)") }
}

/// The name of a user, or its number.
public func userName(_ id: UInt32) -> String {
    getpwuid(id).map { String(cString: $0.pointee.pw_name) } ?? "\(id)"
}

/// This program again as another user, in quotes.
func command(as user: String) -> String {
    let arguments = CommandLine.arguments.dropFirst().map { $0.contains { " '\"$".contains($0) } ? "…" : $0 }
    let program = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "candlewick"
    let way = geteuid() == 0 ? "runuser -u \(user) --" : "sudo -u \(user)"
    return "'" + ([way, program] + arguments).joined(separator: " ") + "'"
}
