internal import MarketData

extension CandleChart: Chart {
    public var title: String { "\(pair) \(timeframe)" }

    /// The last candles, the newest first.
    public var table: [[String]] {
        [["start (UTC)", "open", "high", "low", "close", "volume", "note"]]
            + candles.suffix(50).reversed().map { candle in
                let prices = [candle.prices.open, candle.prices.high, candle.prices.low, candle.prices.close]
                return [CandleChart.minute(candle.start)] + prices.map { $0.formatted(decimals: decimals) }
                    + [String(candle.volume), candle.isWhole ? "" : "partial"]
            }
    }

    /// Two panels, prices above volume, along one axis of places (`Slot`).
    public func gnuplotScript(width: Int, height: Int, hasTitle: Bool) -> String {
        candles.isEmpty
            ? Gnuplot.sentence("\(title): no candles")
            : GnuplotCandles(self, width: width, height: height, title: hasTitle ? title : "").script
    }
}

private struct GnuplotCandles {
    /// Hues that are visible on white and on black.
    private static let up = "#26a69a"
    private static let down = "#ef5350"
    private static let grey = "#808080"
    private static let faint = "#a0808080"
    private static let lines = ["#f5a623", "#1e88e5", "#ab47bc", "#8d6e63"]

    private let chart: CandleChart
    private let title: String
    private let slots: [Slot]
    private let scale: PriceScale
    private let priceLabels: [(price: Price, text: String)]
    private let width: Double
    private let height: Double
    /// The place of each candle.
    private let places: [Int]
    /// Pixels beside the panels.
    private let left = 40.0
    private let right: Double
    private let top = 92.0
    private let bottom = 74.0

    init(_ chart: CandleChart, width: Int, height: Int, title: String) {
        (self.chart, self.title) = (chart, title)
        (self.width, self.height) = (Double(width), Double(height))
        let slots = Slot.slots(chart.candles, chart.timeframe, chart.hours)
        self.slots = slots
        scale = PriceScale(chart)
        priceLabels = scale.labels(atMost: max(2, height / 70), decimals: chart.decimals - 1)
        places = slots.indices.filter { slots[$0].isCandle }
        let longest = chart.candles.map { $0.prices.high.formatted(decimals: chart.decimals).count }.max() ?? 0
        right = Double(max(longest, String(chart.volumeMax).count)) * 8 + 24
    }

    var script: String {
        [data, frame, marks, prices, volume].joined(separator: "\n")
    }

    // MARK: Data

    private enum Group: String, CaseIterable { case up, down, partialUp, partialDown }

    private func group(_ candle: CandleChart.Candle) -> Group {
        candle.isUp ? (candle.isWhole ? .up : .partialUp) : (candle.isWhole ? .down : .partialDown)
    }

    private func candles(_ group: Group) -> [(place: Int, candle: CandleChart.Candle)] {
        zip(places, chart.candles).filter { self.group($0.1) == group }.map { ($0.0, $0.1) }
    }

    private var data: String {
        let groups = Group.allCases.map { group in
            let rows = candles(group).map { place, candle in
                let prices = [candle.prices.open, candle.prices.low, candle.prices.high, candle.prices.close]
                return [String(place)] + prices.map(\.description) + [String(candle.volume)]
            }
            return Gnuplot.block(group.rawValue, rows)
        }
        let averages = chart.averages.enumerated().map { number, average in
            let points = zip(places, average.values).compactMap { place, value in
                value.map { [String(place), "\($0)"] }
            }
            return Gnuplot.block("average\(number)", points)
        }
        return (groups + averages).joined()
    }

    // MARK: Frame

    /// Few candles do not grow over the whole width.
    private var firstPlace: Double { min(-0.75, Double(slots.count) - 40) }
    private var lastPlace: Double { Double(slots.count) - 0.25 }

    private var frame: String {
        guard let last = chart.candles.last else { return "" }
        let facts = "\(chart.range)   \(chart.text(last.prices))   volume \(last.volume)"
        return """
            set label 1 \(Gnuplot.quoted(title)) at screen \(x(left)), screen \(y(20)) font ',15' front
            set label 2 \(Gnuplot.quoted(facts)) at screen \(x(left)), screen \(y(44)) front
            set key at screen \(x(left)), screen \(y(58)) left top horizontal Left reverse samplen 1.5 maxrows 2
            set multiplot
            set lmargin at screen \(x(left))
            set rmargin at screen \(x(width - right))
            set border 15 lc rgb '\(GnuplotCandles.faint)'
            set grid xtics y2tics lt 1 lc rgb '\(GnuplotCandles.faint)' lw 0.5
            unset ytics
            set boxwidth 0.7
            set xrange [\(firstPlace):\(lastPlace)]
            """
    }

    private func x(_ pixels: Double) -> Double { pixels / width }
    /// From pixels below the upper edge.
    private func y(_ pixels: Double) -> Double { 1 - pixels / height }

    private var volumeTop: Double { height - bottom - (height - top - bottom) * 0.22 }

    // MARK: Marks of what is not there

    private var marks: String {
        let rectangle = "fc rgb '\(GnuplotCandles.grey)' fs transparent solid 0.18 noborder behind"
        let line = "nohead dt 2 lc rgb '\(GnuplotCandles.grey)'"
        return slots.enumerated().compactMap { place, slot in
            let (from, to) = (Double(place) - 0.5, Double(place) + 0.5)
            let area = "set object rectangle from first \(from), graph 0 to first \(to), graph 1 \(rectangle)"
            switch slot {
            case .candle: return nil
            case .empty: return area
            case .gap(let count):
                let text = Gnuplot.quoted("\(count) intervals")
                return area + "\nset label \(text) at first \(place), graph 0.97 right rotate by 90 font ',8' front"
            case .closed: return "set arrow from first \(place), graph 0 to first \(place), graph 1 \(line)"
            }
        }.joined(separator: "\n")
    }

    // MARK: Prices

    /// Tags from 9001 on are for what the volume panel shall not have: gnuplot numbers the other objects itself, from 1.
    private var prices: String {
        guard let last = chart.candles.last else { return "" }
        let margin = Price(rawValue: (scale.high.rawValue - scale.low.rawValue) / 25)
        let closeHeight = top + (1.04 - scale.position(last.prices.close)) / 1.08 * (volumeTop - 10 - top)
        let range = "[\(scale.low) - \(margin):\(scale.high) + \(margin)]"
        let colour = last.isUp ? GnuplotCandles.up : GnuplotCandles.down
        let close = last.prices.close
        let tics = priceLabels.map { label in
            // The box of the last close hides what is near.
            let distance = abs(scale.position(label.price) - scale.position(close)) * (volumeTop - 10 - top)
            return "'\(distance < 18 ? "" : label.text)' \(label.price)"
        }.joined(separator: ", ")
        return """
            set tmargin at screen \(y(top))
            set bmargin at screen \(y(volumeTop - 10))
            set y2range \(range)
            set yrange \(range)
            set y2tics (\(tics)) scale 0.5 tc lt -1
            set xtics (\(timeTics.map { "'' \($0.slot)" }.joined(separator: ", "))) scale 0 tc lt -1
            set arrow 9001 from graph 0, second \(close) to graph 1, second \(close) nohead dt 3 lc rgb '\(colour)'
            set label 9002 '\(close.formatted(decimals: chart.decimals))' at graph 1, second \(close) \
            left offset 0.8,0 tc rgb 'white' front
            set object 9003 rectangle from screen \(x(width - right + 4)), screen \(y(closeHeight + 9)) \
            to screen \(x(width - 4)), screen \(y(closeHeight - 9)) fc rgb '\(colour)' fs solid noborder front noclip
            plot \(pricePlots.joined(separator: ", \\\n  "))
            """
    }

    private var pricePlots: [String] {
        var hasPartial = false
        let bodies = Group.allCases.filter { !candles($0).isEmpty }.map { group in
            let isUp = group == .up || group == .partialUp
            let colour = isUp ? GnuplotCandles.up : GnuplotCandles.down
            let plot = "$\(group.rawValue) using 1:2:3:4:5 axes x1y2 with candlesticks"
            switch group {
            case .up, .down: return "\(plot) fs solid lc rgb '\(colour)' title '\(group.rawValue)'"
            case .partialUp, .partialDown:
                let title = hasPartial ? "notitle" : "title 'partial'"
                hasPartial = true
                return "\(plot) fs solid 0.7 border lc rgb '\(colour)' lc rgb '\(GnuplotCandles.grey)' \(title)"
            }
        }
        let averages = chart.averages.enumerated().map { number, average in
            let hasPoints = average.values.contains { $0 != nil }
            let colour = GnuplotCandles.lines[number % GnuplotCandles.lines.count]
            return (hasPoints ? "$average\(number) using 1:2 axes x1y2" : "keyentry")
                + " with lines lw 1.5 lc rgb '\(colour)' title \(Gnuplot.quoted(chart.text(average)))"
        }
        return bodies + averages + keyEntries
    }

    private var keyEntries: [String] {
        var entries: [String] = []
        let grey = "rgb '\(GnuplotCandles.grey)'"
        if slots.contains(where: { $0.isEmpty || $0.isGap }) {
            entries.append("keyentry with boxes fs transparent solid 0.3 noborder lc \(grey) title 'no candle'")
        }
        if slots.contains(.closed) { entries.append("keyentry with lines dt 2 lc \(grey) title 'market closed'") }
        return entries
    }

    // MARK: Volume and time

    private var volume: String {
        let top = max(1, chart.volumeMax)
        let plots = Group.allCases.filter { !candles($0).isEmpty }.map { group in
            let colour = group == .up || group == .partialUp ? GnuplotCandles.up : GnuplotCandles.down
            return "$\(group.rawValue) using 1:6 axes x1y2 with boxes fs transparent solid 0.5 noborder"
                + " lc rgb '\(colour)' notitle"
        }
        let tics = timeTics.map { "\"\($0.text)\" \($0.slot)" }.joined(separator: ", ")
        return """
            unset key
            unset arrow 9001
            unset label 9002
            unset object 9003
            unset label 1
            unset label 2
            set tmargin at screen \(y(volumeTop))
            set bmargin at screen \(y(height - bottom))
            set y2range [0:\(Double(top) * 1.15)]
            set yrange [0:\(Double(top) * 1.15)]
            set y2tics (0, \(top)) scale 0.5 tc lt -1
            set xtics (\(tics)) scale 0.5 tc lt -1
            set label 'volume' at graph 0, graph 0.88 offset 0.5,0 front
            set xlabel 'start of the candle, UTC' offset 0,-0.8
            plot \(plots.joined(separator: ", \\\n  "))
            unset multiplot
            """
    }

    /// Times of day, with the date in a second line at the begin of a day.
    private var timeTics: [(slot: Int, text: String)] {
        let pixels = (width - left - right) / (lastPlace - firstPlace)
        let axis = TimeAxis(slots, chart.candles, chart.timeframe, spacing: Int((60 / pixels).rounded(.up)))
        var texts: [Int: String] = [:]
        for mark in axis.times { texts[mark.slot] = mark.time }
        var end = Double.infinity
        for mark in axis.days.reversed() where Double(mark.slot) * pixels + 84 < end {
            texts[mark.slot] = (texts[mark.slot] ?? "") + "\\n\(mark.date)"
            end = Double(mark.slot) * pixels
        }
        return texts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
