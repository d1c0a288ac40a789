internal import Glibc

/// The documents of this project, by where a reader finds them.
public enum Document {
    /// The path of a document such as `quota.md`: that installed with the programs, else that of the checkout.
    /// - Parameter programs: the folder of the running program.
    public static func path(_ name: String, programs: String = programFolder) -> String {
        let suffix = "/lib/candlewick"
        let installed = "\(programs.dropLast(suffix.count))/share/doc/candlewick/\(name)"
        return programs.hasSuffix(suffix) && access(installed, F_OK) == 0 ? installed : "docs/\(name)"
    }
}

/// The folder of this program, its symbolic links followed; the others are there too.
public var programFolder: String {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:))
    return parentFolder(of: String(decoding: path, as: UTF8.self))
}
