import Host
import Logging
import Streams
import TestKit
import Wire

/// A candles journal with these records.
/// - Returns: its folder.
func journal(of records: [CandleEnvelope], in folder: TemporaryFolder) throws -> String {
    let path = folder.path + "/\(UInt64.random(in: 0 ... .max))"
    let writer = try JournalWriter(
        folder: path, recordSize: CandleEnvelope.byteCount, settings: JournalSettings(),
        logger: quietLogger())
    for record in records { writer.append(record) }
    try writer.close()
    return path
}
