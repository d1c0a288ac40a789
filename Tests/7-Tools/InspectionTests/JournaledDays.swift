import Host
import Streams
import TestKit
import Wire

extension Paths {
    /// Appends 50 ticks of each day to the journal of ticks.
    /// - Parameter days: since 1970.
    func appendDays(_ days: Range<Int>) throws {
        var settings = JournalSettings()
        (settings.retentionDays, settings.syncMilliseconds) = (0, 60_000)
        let writer = try JournalWriter(
            folder: journal(.ticks), recordSize: 64, settings: settings, logger: quietLogger())
        for day in days {
            for second in 0..<50 { writer.append(Make.tick(Double(day * 86_400 + second * 1_700), "1.1", "1.2")) }
            try writer.flush()
        }
        try writer.close()
    }
}
