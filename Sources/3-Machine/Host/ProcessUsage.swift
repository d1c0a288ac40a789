internal import Glibc

/// What this process uses of its machine, by the kernel's account.
public struct ProcessUsage: Sendable {
    /// When the process began, Unix seconds.
    public let start: Double
    /// Processor time used, in seconds.
    public let time: Double
    /// Memory in use, in bytes.
    public let resident: Int64
    /// Descriptors open.
    public let files: Int

    /// The usage now: some tens of microseconds.
    public init() {
        start = Self.start
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        time = usage.ru_utime.seconds + usage.ru_stime.seconds
        let pages = Self.words(of: "/proc/self/statm").dropFirst().first.flatMap { Int64($0) } ?? 0
        resident = pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
        files = Self.openFiles()
    }

    /// Of the kernel's clock, which runs since the machine's start, and the wall clock. Source: proc(5), stat, field 22.
    private static let start: Double = {
        var (wall, boot) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_BOOTTIME, &boot)
        // The program's name, in parentheses, may hold blanks: count from behind it.
        let fields = words(of: "/proc/self/stat", behind: ")")
        let ticks = fields.dropFirst(19).first.flatMap { Double($0) } ?? 0
        return wall.seconds - boot.seconds + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    /// The words of a small file; nothing if it cannot be read.
    private static func words(of path: String, behind mark: Character? = nil) -> [Substring] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let text = String(unsafeUninitializedCapacity: 1_024) { max(0, read(descriptor, $0.baseAddress, $0.count)) }
        let rest = mark.flatMap { text.lastIndex(of: $0) }.map { text[text.index(after: $0)...] } ?? text[...]
        return rest.split(whereSeparator: \.isWhitespace)
    }

    private static func openFiles() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // The folder itself, its own entry and its parent's.
        return max(0, count - 3)
    }
}

extension timeval {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}

extension timespec {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_nsec) / 1e9 }
}
