@testable import Charts
import MarketData
import Testing
import TestKit

struct CoverageChartTests {
    private func expectGolden(_ name: String, _ text: String) {
        let golden = String(decoding: Golden.bytes("charts/\(name)", actual: Array(text.utf8)), as: UTF8.self)
        let difference = zip(text.lines, golden.lines).first { $0 != $1 }.map { "\($0.debugDescription), not \($1)" }
        #expect(difference == nil)
        #expect(text.utf8.count == golden.utf8.count)
    }

    @Test func `few days, many days and more than fit look as recorded`() {
        expectGolden("coverage-14-days.txt", coverage(days: 14).terminal(columns: 80, colours: false))
        expectGolden("coverage-60-days.txt", coverage(days: 60).terminal(columns: 80, colours: false))
        expectGolden("coverage-100-days.txt", coverage(days: 100).terminal(columns: 80, colours: false))
        expectGolden("coverage-colours.txt", coverage(days: 14).terminal(columns: 80, colours: true))
    }

    @Test(arguments: [1, 3, 14, 33, 66, 100, 400]) func `no line is wider than the terminal`(days: Int) {
        for columns in [10, 20, 40, 80, 132] {
            let lines = coverage(days: days).terminal(columns: columns, colours: true).withoutColours.lines
            #expect((lines.map(\.count).max() ?? 0) <= columns)
        }
    }

    @Test func `each day is shown once`() {
        let day = CoverageChart.Day(expected: 1, streamed: 1)
        let row = CoverageChart.Row(pair: "EUR_USD", days: Array(repeating: day, count: 100))
        let first = CivilDate(daysSince1970: 0)
        let chart = CoverageChart(timeframe: .fiveMinutes, firstDay: first, rows: [row])
        let cells = chart.terminal(columns: 40, colours: false).lines.filter { $0.hasPrefix("EUR_USD") }
        #expect(cells.joined().count { $0 == "█" } == 100)
    }

    @Test func `a day has the state of most of its intervals`() {
        func state(_ day: CoverageChart.Day) -> CoverageChart.State? { day.state?.0 }
        #expect(state(.closed) == nil)
        #expect(state(.init(expected: 10, streamed: 6, bought: 4)) == .streamed)
        #expect(state(.init(expected: 10, streamed: 4, bought: 5)) == .bought)
        #expect(state(.init(expected: 10, partial: 6)) == .partial)
        #expect(state(.init(expected: 10, partial: 4)) == .missing)
        #expect(state(.init(expected: 10, streamed: 5, bought: 5)) == .streamed)
        // More than was expected: a candle from outside the trading week.
        #expect(CoverageChart.Day(expected: 10, streamed: 12).state?.share == 1)
    }

    @Test func `the per cent are 100 only where all is there`() {
        func percent(_ days: [CoverageChart.Day]) -> Int? { CoverageChart.Row(pair: "", days: days).completePercent }
        #expect(percent([.closed]) == nil)
        #expect(percent([.init(expected: 288, streamed: 287)]) == 99)
        #expect(percent([.init(expected: 288, streamed: 200, bought: 88), .closed]) == 100)
        #expect(percent([.init(expected: 10, streamed: 20), .init(expected: 10)]) == 50)
    }

    @Test func `days before the first candle are grey, and not counted`() {
        let whole = CoverageChart.Day(expected: 288, streamed: 288)
        let row = CoverageChart.Row(pair: "EUR_USD", days: [.before, .before, .closed, whole])
        let chart = CoverageChart(timeframe: .fiveMinutes, firstDay: CivilDate(daysSince1970: 0), rows: [row])
        let text = chart.terminal(columns: 80, colours: false)
        #expect(
            text.contains("EUR_USD ~~~~  ██") && text.contains("100%") && text.contains("~ not yet begun"), "\(text)")
        let begun = CoverageChart(
            timeframe: .fiveMinutes, firstDay: CivilDate(daysSince1970: 0),
            rows: [CoverageChart.Row(pair: "EUR_USD", days: [whole])])
        #expect(!begun.terminal(columns: 80, colours: false).contains("not yet begun"))
    }

    @Test func `a chart of nothing says so`() {
        let chart = CoverageChart(timeframe: .fiveMinutes, firstDay: CivilDate(daysSince1970: 0), rows: [])
        #expect(chart.terminal(columns: 80, colours: false) == "coverage 5m: no days\n")
    }
}
