import Host
import TestKit
import Testing

@testable import Running

struct StartDisplayTests {
    /// What is written if a start says the same at these moments.
    private func shown(columns: Int?, milliseconds: [Int]) -> String {
        let stepped = SteppedClock()
        var text = ""
        let display = StartDisplay(columns: columns, clock: stepped.clock) { text += $0 }
        var last = 0
        for moment in milliseconds {
            stepped.advance(by: .milliseconds(moment - last))
            last = moment
            display.show("\(moment) wait\u{1B}[2J")
        }
        display.clear()
        return text
    }

    @Test func `a quick start says nothing`() {
        #expect(shown(columns: 80, milliseconds: [0, 500, 999]) == "")
    }

    @Test func `on a terminal the line is rewritten four times a second, without control characters`() {
        let shown = shown(columns: 9, milliseconds: [1_000, 1_100, 1_250])
        #expect(shown == "\r1000 wai\u{1B}[K\r1250 wai\u{1B}[K\r\u{1B}[K")
    }

    @Test func `into a pipe it is a line every ten seconds`() {
        let shown = shown(columns: nil, milliseconds: [1_000, 2_000, 10_999, 11_000])
        #expect(shown == "1000 wait[2J\n11000 wait[2J\n")
    }
}
