internal import MarketData

extension CandleChart {
    /// The chart as lines of text, each with a line feed.
    ///
    /// If not all candles fit, the last ones are drawn; if there is room, they stand apart.
    /// - Parameters:
    ///   - columns: no line is longer.
    ///   - rows: how many lines there are at most.
    ///   - colours: whether to use the sixteen colours of terminals (ECMA-48).
    public func terminal(columns: Int, rows: Int, colours: Bool) -> String {
        guard !candles.isEmpty else { return "\(pair) \(timeframe): no candles\n" }
        return TerminalCandles(self, columns: columns, rows: rows, colours: colours).text
    }
}

/// A candle chart in characters. From top to bottom: two lines of heading, prices, one line of marks if there are any,
/// volume, the time axis with two lines of labels, legend. The price axis is on the right.
private struct TerminalCandles {
    private let chart: CandleChart
    private let colours: Bool
    private let slots: [Slot]
    private let scale: PriceScale
    private let decimals: Int
    private let legend: Legend
    private let priceLabels: [(price: Price, text: String)]
    private var canvas: TextCanvas

    /// Columns from one candle to the next.
    private let pitch: Int
    /// Columns of the picture, left of the price axis.
    private let width: Int
    private let priceRows: Range<Int>
    private let volumeRows: Range<Int>
    private let hasMarks: Bool

    init(_ whole: CandleChart, columns: Int, rows: Int, colours: Bool) {
        // The axis takes a line, a blank and the longest label.
        let longest = whole.candles.map { $0.prices.high.formatted(decimals: whole.decimals).count }.max() ?? 0
        width = max(1, columns - max(longest, "vol \(whole.volumeMax)".count) - 2)
        let all = Slot.slots(whole.candles, whole.timeframe, whole.hours)
        let fitting = all.suffix(width).drop { !$0.isCandle }
        let count = fitting.count(where: \.isCandle)
        let skipped = whole.candles.count - count
        chart = whole.last(count)
        slots = fitting.map { if case .candle(let index) = $0 { .candle(index - skipped) } else { $0 } }
        pitch = min(3, max(1, width / slots.count))
        scale = PriceScale(chart)
        decimals = chart.decimals
        self.colours = colours
        legend = Legend(TerminalCandles.legend(chart, slots, colours: colours), columns: columns)
        hasMarks = chart.candles.contains { !$0.isWhole } || slots.contains(where: \.isEmpty)

        let volume = max(2, rows / 8)
        let rest = rows - 2 - (hasMarks ? 1 : 0) - volume - 3 - legend.lines.count
        priceRows = 2..<(2 + max(4, rest))
        let volumeStart = priceRows.upperBound + (hasMarks ? 1 : 0)
        volumeRows = volumeStart..<(volumeStart + volume)
        priceLabels = scale.labels(atMost: max(2, priceRows.count / 3), decimals: decimals - 1)
        canvas = TextCanvas(columns: columns, rows: min(rows, volumeRows.upperBound + 3 + legend.lines.count))
    }

    var text: String {
        var copy = self
        copy.draw()
        return copy.canvas.text(colours: colours)
    }

    private mutating func draw() {
        drawHeading()
        for (place, slot) in slots.enumerated() {
            switch slot {
            case .candle(let index): draw(chart.candles[index], at: column(place))
            case .empty: canvas.put("x", column(place), priceRows.upperBound, .faint)
            case .gap: drawLine(":", at: column(place))
            case .closed: drawLine("┊", at: column(place))
            }
        }
        drawAverages()
        drawPriceAxis()
        drawTimeAxis()
        legend.draw(on: &canvas, row: volumeRows.upperBound + 3)
    }

    /// The last candle stands beside the axis.
    private func column(_ place: Int) -> Int { width - 1 - (slots.count - 1 - place) * pitch }

    private mutating func drawHeading() {
        guard let last = chart.candles.last else { return }
        let title = "\(chart.pair) \(chart.timeframe)"
        canvas.put(title, 0, 0, .strong)
        canvas.put(chart.range, title.count + 2, 0)
        canvas.put("\(chart.text(last.prices))  volume \(last.volume)", 0, 1, last.isUp ? .up : .down)
    }

    // MARK: Prices

    /// Half rows from the top of the picture.
    private func half(_ price: Price) -> Int {
        Int(((1 - scale.position(price)) * Double(2 * priceRows.count - 1)).rounded())
    }

    private mutating func draw(_ candle: CandleChart.Candle, at column: Int) {
        let prices = candle.prices
        let (top, bottom) = (half(prices.high), half(prices.low))
        let (bodyTop, bodyBottom) = (half(max(prices.open, prices.close)), half(min(prices.open, prices.close)))
        let tone: TextCanvas.Tone =
            candle.isUp ? (candle.isWhole ? .up : .faintUp) : (candle.isWhole ? .down : .faintDown)
        func part(_ half: Int) -> Part {
            if bodyTop <= half, half <= bodyBottom { return .body }
            return top <= half && half <= bottom ? .wick : .none
        }
        for row in 0..<priceRows.count {
            let glyph = TerminalCandles.glyph(part(2 * row), part(2 * row + 1), isFilled: !colours && !candle.isUp)
            canvas.put(glyph, column, priceRows.lowerBound + row, tone)
        }
        if !candle.isWhole { canvas.put("*", column, priceRows.upperBound, .yellow) }
        drawVolume(candle, at: column, candle.isUp ? .faintUp : .faintDown)
    }

    private enum Part { case none, wick, body }

    /// Without colours, bodies of falling candles are blocks; the wick in the other half of their last row is left out.
    private static func glyph(_ upper: Part, _ lower: Part, isFilled: Bool) -> String {
        switch (upper, lower) {
        case (.none, .none): " "
        case (.wick, .wick): "│"
        case (.none, .wick): "╷"
        case (.wick, .none): "╵"
        case (.body, .body): isFilled ? "█" : "┃"
        case (.none, .body): isFilled ? "▄" : "╻"
        case (.body, .none): isFilled ? "▀" : "╹"
        case (.wick, .body): isFilled ? "▄" : "╽"
        case (.body, .wick): isFilled ? "▀" : "╿"
        }
    }

    private mutating func drawLine(_ character: String, at column: Int) {
        for row in priceRows.lowerBound..<volumeRows.upperBound { canvas.put(character, column, row, .faint) }
    }

    private mutating func drawAverages() {
        for (number, average) in chart.averages.enumerated() {
            for (place, slot) in slots.enumerated() {
                guard case .candle(let index) = slot, let value = average.values[index] else { continue }
                let position = scale.position(value)
                let row = priceRows.lowerBound + half(value) / 2
                guard (0...1).contains(position), canvas.isEmpty(column(place), row) else { continue }
                canvas.put(TerminalCandles.mark(number, colours: colours), column(place), row, .line(number))
            }
        }
    }

    private static func mark(_ average: Int, colours: Bool) -> String {
        colours ? "•" : ["·", "+", "o", "="][average % 4]
    }

    // MARK: Volume

    private mutating func drawVolume(_ candle: CandleChart.Candle, at column: Int, _ tone: TextCanvas.Tone) {
        guard candle.volume > 0 else { return }
        // Eighths of a row; what has ticks shows at least one.
        let eighths = max(1, Int(Double(candle.volume) / Double(chart.volumeMax) * Double(volumeRows.count * 8)))
        for (row, place) in volumeRows.reversed().enumerated() {
            let filled = min(8, eighths - row * 8)
            if filled > 0 { canvas.put(String(Array("▁▂▃▄▅▆▇█")[filled - 1]), column, place, tone) }
        }
    }

    // MARK: Axes

    private mutating func drawPriceAxis() {
        for row in priceRows.lowerBound..<volumeRows.upperBound { canvas.put("│", width, row, .faint) }
        for label in priceLabels {
            let row = priceRows.lowerBound + half(label.price) / 2
            canvas.put("┤", width, row, .faint)
            canvas.put(label.text, width + 2, row)
        }
        if let last = chart.candles.last {
            let row = priceRows.lowerBound + half(last.prices.close) / 2
            let text = last.prices.close.formatted(decimals: decimals)
            canvas.put("◂ " + text, width, row, last.isUp ? .up : .down)
        }
        canvas.put("vol \(chart.volumeMax)", width + 2, volumeRows.lowerBound, .faint)
    }

    private mutating func drawTimeAxis() {
        let row = volumeRows.upperBound
        canvas.put(String(repeating: "─", count: width) + "┘", 0, row, .faint)
        canvas.put("UTC", width + 2, row + 1, .faint)
        let axis = TimeAxis(slots, chart.candles, chart.timeframe, spacing: (8 + pitch - 1) / pitch)
        drawLabels(axis.times.map { ($0.slot, $0.time) }, row: row + 1)
        drawLabels(axis.days.map { ($0.slot, $0.date) }, row: row + 2)
    }

    /// Each begins below its candle; of two that would touch, the later one stays.
    private mutating func drawLabels(_ labels: [(slot: Int, text: String)], row: Int) {
        var end = width + 1
        for label in labels.reversed() {
            // One that would run into the axis moves to the left.
            let start = min(column(label.slot), width - label.text.count)
            guard start >= 0, start + label.text.count < end else { continue }
            canvas.put(label.text, start, row)
            canvas.put("┴", column(label.slot), volumeRows.upperBound, .faint)
            end = start
        }
    }

    // MARK: Legend

    private static func legend(_ chart: CandleChart, _ slots: [Slot], colours: Bool) -> [Legend.Item] {
        var items = [Legend.Item(mark: "┃", tone: .up, text: "up")]
        items.append(Legend.Item(mark: colours ? "┃" : "█", tone: .down, text: "down"))
        for (number, average) in chart.averages.enumerated() {
            items.append(
                Legend.Item(mark: mark(number, colours: colours), tone: .line(number), text: chart.text(average)))
        }
        if chart.candles.contains(where: { !$0.isWhole }) {
            items.append(Legend.Item(mark: "*", tone: .yellow, text: "partial"))
        }
        if slots.contains(where: \.isEmpty) {
            items.append(Legend.Item(mark: "x", tone: .faint, text: "no candle"))
        }
        let gaps = slots.map { if case .gap(let count) = $0 { count } else { 0 } }.reduce(0, +)
        if gaps > 0 { items.append(Legend.Item(mark: ":", tone: .faint, text: "\(gaps) intervals without a candle")) }
        if slots.contains(.closed) { items.append(Legend.Item(mark: "┊", tone: .faint, text: "market closed")) }
        return items
    }
}
