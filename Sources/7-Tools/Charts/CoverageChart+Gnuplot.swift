internal import MarketData

extension CoverageChart: Chart {
    public var title: String { "Coverage \(timeframe)" }

    public var table: [[String]] {
        [["pair", "complete", "expected", "streamed", "bought", "partial", "missing"]]
            + rows.map { row in
                let counts = [\Day.expected, \.streamed, \.bought, \.partial, \.missing].map { count in
                    String(row.days.reduce(0) { $0 + $1[keyPath: count] })
                }
                return [row.pair, row.completeText] + counts
            }
    }

    /// A rectangle for each pair and day: the colour shows the state, its strength the share.
    public func gnuplotScript(width: Int, height: Int, hasTitle: Bool) -> String {
        dayCount > 0
            ? GnuplotCoverage(self, width: Double(width), height: Double(height), title: hasTitle ? title : "").script
            : Gnuplot.sentence("\(title): no days")
    }
}

private struct GnuplotCoverage {
    private let chart: CoverageChart
    private let width: Double
    private let height: Double
    private let title: String
    private var left: Double { Double(chart.rows.map(\.pair.count).max() ?? 0) * 9 + 20 }
    private let right = 64.0
    private let top = 88.0
    private let bottom = 62.0

    init(_ chart: CoverageChart, width: Double, height: Double, title: String) {
        (self.chart, self.width, self.height, self.title) = (chart, width, height, title)
    }

    private static func colour(_ state: CoverageChart.State) -> (red: Double, green: Double, blue: Double) {
        switch state {
        case .streamed: (38, 166, 154)
        case .bought: (30, 136, 229)
        case .partial: (245, 166, 35)
        case .missing: (239, 83, 80)
        case .before: (170, 170, 170)
        }
    }

    /// As gnuplot's number of alpha, red, green and blue; the smaller the share, the more of the ground shows through.
    private static func number(_ state: CoverageChart.State, _ share: Double) -> Int {
        let (red, green, blue) = colour(state)
        let alpha = Int(((1 - share) * 200).rounded())
        return alpha << 24 | Int(red) << 16 | Int(green) << 8 | Int(blue)
    }

    var script: String {
        let entries = chart.states.map { state in
            "keyentry with boxes fs solid noborder lc rgb \(GnuplotCoverage.number(state, 1)) title '\(state.name)'"
        }
        let plot = "$cells using 1:2:3:4:5:6:7 with boxxyerror fs solid noborder lc rgb variable notitle"
        return """
            \(Gnuplot.block("cells", cells))
            set label \(Gnuplot.quoted(title)) at screen \(16 / width), screen \(1 - 20 / height) font ',15'
            set label \(Gnuplot.quoted(chart.range)) at screen \(16 / width), screen \(1 - 44 / height)
            set key at screen \(16 / width), screen \(1 - 58 / height) left top horizontal Left reverse samplen 1.5
            set lmargin at screen \(left / width)
            set rmargin at screen \(1 - right / width)
            set tmargin at screen \(1 - top / height)
            set bmargin at screen \(bottom / height)
            set border 15 lc rgb '#a0808080'
            set xrange [-0.5:\(Double(chart.dayCount) - 0.5)]
            set yrange [\(Double(chart.rows.count) - 0.5):-0.5]
            set y2range [\(Double(chart.rows.count) - 0.5):-0.5]
            set xtics (\(dateTics)) scale 0.5 nomirror out tc lt -1
            set ytics (\(pairTics(\.pair))) scale 0 tc lt -1
            set y2tics (\(pairTics(\.completeText))) scale 0 tc lt -1
            set label 'complete' at screen \(1 - 8 / width), screen \(1 - (top - 10) / height) right
            set xlabel 'days in UTC; the weaker the colour, the smaller its share of the day'
            plot \(([plot] + entries).joined(separator: ", \\\n  "))
            """
    }

    /// Centre, edges and colour of each cell.
    private var cells: [[String]] {
        chart.rows.enumerated().flatMap { row, pair in
            pair.days.enumerated().compactMap { index, day -> [String]? in
                guard let (state, share) = day.state else { return nil }
                let (x, y) = (Double(index), Double(row))
                let edges = [x, y, x - 0.46, x + 0.46, y - 0.42, y + 0.42]
                return edges.map { "\($0)" } + ["\(GnuplotCoverage.number(state, share))"]
            }
        }
    }

    private func pairTics(_ text: (CoverageChart.Row) -> String) -> String {
        chart.rows.enumerated().map { "\(Gnuplot.tic(text($1))) \($0)" }.joined(separator: ", ")
    }

    /// Mondays, or every second, third … of them, as they fit; all days if they fit.
    private var dateTics: String {
        let pixels = (width - left - right) / Double(chart.dayCount)
        let days = (0..<chart.dayCount).filter { pixels >= 80 || chart.isMonday($0) || chart.dayCount < 7 }
        let every = max(1, Int((80 / (pixels * 7)).rounded(.up)))
        return days.enumerated().filter { $0.offset % (pixels >= 80 ? 1 : every) == 0 }
            .map { "'\(chart.day($0.element))' \($0.element)" }.joined(separator: ", ")
    }
}
