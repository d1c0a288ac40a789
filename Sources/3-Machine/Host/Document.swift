internal import Glibc

/// The documents of this project, by where a reader finds them.
public enum Document {
    /// The path of a document such as `quota.md`: that installed with the programs, else that of the checkout.
    /// - Parameter programs: the folder of the running program.
    public static func path(_ name: String, programs: String = Program.folder) -> String {
        let suffix = "/lib/candlewick"
        let installed = "\(programs.dropLast(suffix.count))/share/doc/candlewick/\(name)"
        return programs.hasSuffix(suffix) && access(installed, F_OK) == 0 ? installed : "docs/\(name)"
    }
}
