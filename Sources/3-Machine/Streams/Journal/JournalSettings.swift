/// How a journal is written and for how long it is kept: the configuration's `journal` section.
public struct JournalSettings: Sendable {
    /// Records in one segment; a power of two is not needed.
    public var segmentRecords = 1_048_576
    /// A segment takes at most a day of the stream's time. Not of a stream that brings years at once.
    public var segmentsEndDaily = true
    /// How often appended records are forced to the disk.
    public var syncMilliseconds = 1_000
    /// Records older than this are dropped, in whole segments, by the stream's own time; 0: never.
    public var retentionDays = 7
    /// The oldest segments are dropped while a journal is larger than this; 0: no limit.
    public var retentionMegabytes = 0

    /// Names the machine's boot; `nil`: the present one. For tests.
    public var bootID: String?

    public init() {}
}
