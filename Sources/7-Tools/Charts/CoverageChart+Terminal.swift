internal import MarketData

extension CoverageChart {
    /// The chart as lines of text, each with a line feed: a row for each pair, two columns for each day, or one where two do not
    /// fit; several blocks if one does not fit either.
    /// - Parameters:
    ///   - columns: no line is longer.
    ///   - colours: whether to use the sixteen colours of terminals (ECMA-48).
    public func terminal(columns: Int, colours: Bool) -> String {
        guard dayCount > 0 else { return "coverage \(timeframe): no days\n" }
        return TerminalCoverage(self, columns: columns, colours: colours).text
    }
}

private struct TerminalCoverage {
    private let chart: CoverageChart
    private let columns: Int
    private let colours: Bool
    private let nameWidth: Int
    /// Columns of a day.
    private let cellWidth: Int
    /// The days of each block.
    private let blocks: [Range<Int>]

    init(_ chart: CoverageChart, columns: Int, colours: Bool) {
        (self.chart, self.columns, self.colours) = (chart, columns, colours)
        nameWidth = (chart.rows.map(\.pair.count).max() ?? 0) + 1
        let width = columns - nameWidth - 5
        cellWidth = width < chart.dayCount * 2 ? 1 : 2
        let fitting = max(1, width / cellWidth)
        // Whole weeks, so that the blocks stand below each other.
        let perBlock = fitting < chart.dayCount && fitting >= 7 ? fitting / 7 * 7 : fitting
        blocks = stride(from: 0, to: chart.dayCount, by: perBlock).map { $0..<min(chart.dayCount, $0 + perBlock) }
    }

    var text: String {
        let legend = Legend(legendItems, columns: columns)
        let blockRows = chart.rows.count + 3
        var canvas = TextCanvas(columns: columns, rows: 1 + blocks.count * blockRows + legend.lines.count)
        let title = "coverage \(chart.timeframe)"
        canvas.put(title, 0, 0, .strong)
        canvas.put(chart.range, title.count + 2, 0)
        for (number, days) in blocks.enumerated() { draw(days, from: 1 + number * blockRows, on: &canvas) }
        legend.draw(on: &canvas, row: 1 + blocks.count * blockRows)
        return canvas.text(colours: colours)
    }

    /// Two lines of heading, the pairs, an empty line.
    private func draw(_ days: Range<Int>, from row: Int, on canvas: inout TextCanvas) {
        drawDates(days, row: row, on: &canvas)
        let percentColumn = percentColumn(days)
        canvas.put(TerminalCoverage.percentHead, percentColumn + 5 - TerminalCoverage.percentHead.count, row)
        for (offset, pair) in chart.rows.enumerated() {
            let place = row + 2 + offset
            canvas.put(pair.pair, 0, place)
            for (column, index) in days.enumerated() where pair.days.indices.contains(index) {
                guard let (state, share) = pair.days[index].state else { continue }
                let cell = String(repeating: mark(state, share), count: cellWidth)
                canvas.put(cell, nameWidth + column * cellWidth, place, TerminalCoverage.tone(state))
            }
            let percent = pair.completeText
            canvas.put(percent, percentColumn + 5 - percent.count, place)
        }
    }

    private static let percentHead = "complete"

    /// Beyond the cells, and the name of the first month.
    private func percentColumn(_ days: Range<Int>) -> Int { nameWidth + max(12, days.count * cellWidth) }

    /// Months above the numbers of the first day and of the Mondays.
    private func drawDates(_ days: Range<Int>, row: Int, on canvas: inout TextCanvas) {
        var (monthEnd, dayEnd) = (0, 0)
        let monthLimit = percentColumn(days) + 4 - TerminalCoverage.percentHead.count
        for (column, index) in days.enumerated() {
            let place = nameWidth + column * cellWidth
            let date = chart.day(index)
            if column == 0 || date.day == 1 {
                let month = "\(date.description.prefix(7))"
                if place >= monthEnd, place + month.count <= monthLimit {
                    canvas.put(month, place, row)
                    monthEnd = place + month.count + 1
                }
            }
            if (column == 0 || chart.isMonday(index)) && place >= dayEnd {
                canvas.put(date.description.suffix(2), place, row + 1)
                dayEnd = place + 3
            }
        }
    }

    // MARK: Cells

    /// With colours the shade shows the share, the colour the state; without, the character shows both.
    private func mark(_ state: CoverageChart.State, _ share: Double) -> Character {
        let level = share >= 1 ? 3 : share >= 0.75 ? 2 : share >= 0.5 ? 1 : 0
        if colours, state != .before { return ["░", "▒", "▓", "█"][level] }
        switch state {
        case .streamed: return ["░", "▒", "▓", "█"][level]
        case .bought: return level == 3 ? "B" : "b"
        case .partial: return level == 3 ? "P" : "p"
        case .missing: return level == 3 ? "·" : "-"
        case .before: return "~"
        }
    }

    private static func tone(_ state: CoverageChart.State) -> TextCanvas.Tone {
        switch state {
        case .streamed: .green
        case .bought: .blue
        case .partial: .yellow
        case .missing: .red
        case .before: .faint
        }
    }

    private var legendItems: [Legend.Item] {
        let states = chart.states.map { state in
            // All of a day, most of it.
            let marks = colours || state == .before ? [mark(state, 1)] : [mark(state, 1), mark(state, 0.8)]
            return Legend.Item(mark: String(marks), tone: TerminalCoverage.tone(state), text: state.name)
        }
        let shades = String([1, 0.8, 0.6, 0.4].map { mark(.streamed, $0) })
        return states + [Legend.Item(mark: shades, tone: .faint, text: "all, most, half, less of the day")]
    }
}
