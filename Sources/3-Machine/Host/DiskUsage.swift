internal import FoundationEssentials
internal import Glibc

/// Sizes on the disk, in bytes.
public enum DiskUsage {
    /// Free for us on the file system of a path; `nil` if that is not there.
    public static func free(at path: String) -> Int64? {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return nil }
        return Int64(info.f_bavail) * Int64(info.f_frsize)
    }

    /// The size of the file system of a path; `nil` if that is not there.
    public static func total(at path: String) -> Int64? {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return nil }
        return Int64(info.f_blocks) * Int64(info.f_frsize)
    }

    /// The size of a file; 0 if it is missing.
    public static func size(ofFile path: String) -> Int64 {
        var info = stat()
        return stat(path, &info) == 0 ? Int64(info.st_size) : 0
    }

    /// The sizes of a folder's files together; 0 if it is missing.
    public static func size(ofFolder path: String) -> Int64 {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []  // Not there: nothing in it.
        return names.reduce(0) { $0 + size(ofFile: "\(path)/\($1)") }
    }
}
