import Glibc

/// Expected bytes in `Tests/Golden`. `GOLDEN=record` writes them again; a missing file fails.
public enum Golden {
    /// The folder `Tests/Golden`.
    public static let folder: String = {
        let here = #filePath
        return here.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
            + "/Golden"
    }()

    /// The recorded bytes of a case; first recorded where `GOLDEN=record` is set.
    public static func bytes(_ name: String, actual: [UInt8]) -> [UInt8] {
        let path = "\(folder)/\(name)"
        if getenv("GOLDEN").map({ String(cString: $0) }) == "record" {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            precondition(write(descriptor, actual, actual.count) == actual.count)
            close(descriptor)
        }
        return fileBytes(path)
    }
}
