import Host
import Logging
import MarketData
import Synchronization
import Testing

@Suite struct LogLinesTests {
    private func line(isJournal: Bool = false, _ write: (Logger) -> Void) -> String {
        let lines = Lines()
        let clock = Clock(now: { UTCNanos(rawValue: 1_778_572_800_123_000_000) }, monotonic: { 0 })
        write(
            Logger(label: "ingest-stream") {
                LogLines(program: $0, isJournal: isJournal, clock: clock) { line in lines.text.withLock { $0 += line } }
            })
        return lines.text.withLock { $0 }
    }

    @Test func `a line is time, level, program, sentence and facts`() {
        let line = line { $0.warning("Session lost", metadata: ["session": "2", "error": "code 31 ended"]) }
        #expect(
            line == "2026-05-12T08:00:00.123Z warning ingest-stream: Session lost error=\"code 31 ended\" session=2\n")
    }

    @Test func `systemd's journal gets the priority and no time`() {
        #expect(
            line(isJournal: true) { $0.error("Damaged records", metadata: ["count": "3"]) }
                == "<3>Damaged records count=3\n")
        #expect(line(isJournal: true) { $0.notice("Ready") } == "<5>Ready\n")
    }

    @Test func `a fact cannot begin another line`() {
        #expect(
            line { $0.info("Read", metadata: ["text": "a\"b\nc\u{1B}d", "empty": ""]) }.hasSuffix(
                ": Read empty=\"\" text=\"a\\\"b\\nc d\"\n"))
    }

    private final class Lines: Sendable {
        let text = Mutex("")
    }
}
