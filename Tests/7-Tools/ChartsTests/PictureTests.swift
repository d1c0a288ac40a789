@testable import Charts
import Glibc
import Host
import MarketData
import Testing
import TestKit

private let hasGnuplot = access("/usr/bin/gnuplot", X_OK) == 0
private let candles = CandleChart(
    pair: "EUR_USD", timeframe: .fiveMinutes,
    candles: walk(80, from: fridayEvening, missing: [40, 41], partial: [39]), shown: 60, averages: [9, 200])

@Suite(.enabled(if: hasGnuplot, "gnuplot is not installed: apt install gnuplot-nox"))
struct PictureTests {
    private let folder = TemporaryFolder()

    private func text(_ chart: some Chart, _ format: PictureFormat) throws -> String {
        String(decoding: try chart.picture(format, width: 900, height: 500), as: UTF8.self)
    }

    @Test func `a PNG has the size that was asked for`() throws {
        for chart in [candles as any Chart, coverage(days: 30)] {
            let bytes = try chart.picture(.png, width: 640, height: 400)
            #expect(Array(bytes.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            // Width and height of the first chunk, big-endian (PNG § 11.2.2).
            #expect(Array(bytes[16..<24]) == [0, 0, 2, 128, 0, 0, 1, 144])
        }
    }

    @Test func `an SVG has a body for each candle, and says what is what`() throws {
        let svg = try text(candles, .svg)
        for part in [
            "<text>up<", "<text>down<", "<text>partial<", "EUR_USD 5m", "no candle", "market closed", "MA 9 ",
            "MA 200 -", "start of the candle, UTC", "Sun 05-05",
        ] {
            let isThere = svg.contains(part)
            #expect(isThere, "\(part)")
        }
        let hasNaN = svg.lowercased().contains(#/[ ,'-]nan[ ,']/#)
        #expect(!hasNaN)
        // gnuplot draws bodies and legend as polygons of opaque colours, one each.
        let bodies = svg.matches(of: #/<polygon fill = 'rgb\((?: 38, 166, 154|239,  83,  80)\)' points/#).count
        let whole = candles.candles.count { $0.isWhole }
        #expect(bodies == whole + 2 + 1, "two in the legend, one behind the last close")
    }

    @Test func `the coverage has a rectangle for each open day`() throws {
        let chart = coverage(days: 14)
        let svg = try text(chart, .svg)
        let open = chart.rows.flatMap(\.days).count { $0.expected > 0 }
        #expect(svg.matches(of: #/<polygon fill = 'rgb/#).count == open + 4, "four in the legend")
        for part in ["EUR_USD", "streamed", "bought", "partial", "missing", "days in UTC", "2024-05-06", "%</text>"] {
            let isThere = svg.contains(part)
            #expect(isThere, "\(part)")
        }
    }

    @Test func `a page needs nothing but itself`() throws {
        for chart in [candles as any Chart, coverage(days: 30)] {
            let page = try text(chart, .html)
            let parts = ["<!DOCTYPE html>", "<svg", "prefers-color-scheme", "<table>"].filter { page.contains($0) }
            #expect(parts.count == 4)
            // The names of XML's vocabularies are not addresses to load from.
            let rest = page.replacing(#/xmlns(:xlink)?="[^"]*"/#, with: "")
            let foreign = ["<?xml", "<script", "src=", "http", "url("].filter { rest.contains($0) }
            #expect(foreign == [])
            #expect(page.split(separator: "<tr>").count - 1 == chart.table.count)
        }
    }

    @Test(arguments: [0, 1, 2, 500]) func `any number of candles can be drawn`(count: Int) throws {
        let chart = CandleChart(
            pair: "USD_JPY", timeframe: .fiveMinutes, candles: walk(count, price: 150_123, unit: 1_000_000),
            shown: 500, averages: [9])
        #expect(try chart.picture(.png, width: 800, height: 500).count > 1_000)
    }

    @Test func `equal prices can be drawn`() throws {
        let one = Price.unitsPerOne
        let flat = (0..<5).map { candle(wednesday + $0 * 300, one, one, one, one) }
        let chart = CandleChart(pair: "EUR_CHF", timeframe: .fiveMinutes, candles: flat, shown: 5, averages: [2])
        let isThere = try text(chart, .svg).contains("EUR_CHF 5m")
        #expect(isThere)
    }

    @Test func `a name is text, whatever stands in it`() throws {
        let file = "\(folder.path)/x"
        // gnuplot cuts the texts of axes after some fifty characters.
        let name = "'\n`>\(file)`\"@x\\n<&%d{2}"
        let chart = CandleChart(pair: name, timeframe: .fiveMinutes, candles: walk(3), shown: 3)
        let day = CoverageChart.Day(expected: 2, streamed: 1)
        let covered = CoverageChart(
            timeframe: .fiveMinutes, firstDay: CivilDate(daysSince1970: 0), rows: [.init(pair: name, days: [day])])
        for svg in [try text(chart, .svg), try text(covered, .svg)] {
            let isThere = svg.contains("’`>\(file)`\"@x\\n&lt;&amp;%d{2}")
            #expect(isThere)
        }
        let isHeading = try text(chart, .html).contains("<h1>'\n`&gt;\(file)`\"@x\\n&lt;&amp;%d{2} 5m</h1>")
        #expect(isHeading)
        #expect(access(file, F_OK) != 0)
    }

    @Test func `a picture replaces the file as a whole, and nothing else is left`() throws {
        let path = folder.write(Array("old".utf8), to: "chart.svg")
        try candles.write(to: path, format: .svg, width: 800, height: 500)
        let isWhole = String(decoding: fileBytes(path), as: UTF8.self).hasSuffix("</svg>\n\n")
        #expect(isWhole)
        #expect(folderNames(folder.path) == ["chart.svg"])
    }

    @Test func `a folder that is not there is said in one sentence`() {
        let path = "\(folder.path)/none/chart.png"
        let failure = #expect(throws: Failure.self) {
            try candles.write(to: path, format: .png, width: 800, height: 500)
        }
        #expect(failure?.code == .io)
        #expect(failure?.description == "\(path) cannot be written: No such file or directory")
    }

    @Test func `what gnuplot refuses is said in one sentence`() {
        let failure = #expect(throws: Failure.self) {
            try Gnuplot.draw("plot what", "svg", width: 100, height: 100)
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.contains("\n") == false && failure?.description.contains("what") == true)
    }
}

struct MissingGnuplotTests {
    @Test func `without gnuplot the package to install is said`() {
        let failure = #expect(throws: Failure.self) {
            try Gnuplot.draw("", "svg", width: 100, height: 100, program: "no-such-gnuplot")
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.contains("apt install gnuplot-nox") == true)
    }
}
