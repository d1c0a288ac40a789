import Foundation
import Host
import MarketData

/// The ticks of one file.
struct TickSeries {
    let pair: Pair
    private(set) var times: [Int64] = []
    private(set) var quotes: [(bid: Price, ask: Price)] = []

    init(path: String) throws {
        let words = URL(fileURLWithPath: path).lastPathComponent.split(separator: "_")
        guard words.count > 1, let pair = Pair(words[1]) else {
            throw Failure(.badData, "\(path): the name must be SOURCE_PAIR_…, such as fxcm_EURUSD_2014.csv")
        }
        self.pair = pair
        try Self.text(path).withUnsafeBytes { bytes in
            for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
                if number == 0, line.elementsEqual("timestamp_utc_ns,bid,ask".utf8) { continue }
                let cells = line.split(separator: UInt8(ascii: ","))
                guard cells.count == 3, let time = Int64(String(decoding: cells[0], as: UTF8.self)),
                    let bid = Price(decimal: UnsafeRawBufferPointer(rebasing: cells[1])),
                    let ask = Price(decimal: UnsafeRawBufferPointer(rebasing: cells[2])), time >= times.last ?? 0
                else { throw Failure(.badData, "\(path), line \(number + 1): not the next tick") }
                times.append(time)
                quotes.append((bid, ask))
            }
        }
        if times.isEmpty { throw Failure(.badData, "\(path): no ticks") }
    }

    private static func text(_ path: String) throws -> Data {
        guard path.hasSuffix(".gz") else { return try load(path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/gzip")
        process.arguments = ["-dc", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(.missingInput, "\(path) cannot be unpacked") }
        return data
    }

    /// Whether the first tick at or beyond `end` comes within a second of it.
    func isBusy(at end: Int64) -> Bool {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] < end { low = middle + 1 } else { high = middle }
        }
        return low < times.count && times[low] - end <= UTCNanos.perSecond
    }
}

/// Files of different pairs whose days overlap: one stream, with one file of a pair.
struct SharedDays {
    private(set) var series: [Pair: TickSeries]
    private(set) var span: ClosedRange<Int64>

    var tickCount: Int { series.values.reduce(0) { $0 + $1.times.count } }

    static func all(_ series: [TickSeries]) -> [SharedDays] {
        var days: [SharedDays] = []
        for one in series {
            let span = one.times[0]...one.times[one.times.count - 1]
            if let index = days.firstIndex(where: { $0.span.overlaps(span) && $0.series[one.pair] == nil }) {
                days[index].series[one.pair] = one
                let whole = days[index].span
                days[index].span = min(whole.lowerBound, span.lowerBound)...max(whole.upperBound, span.upperBound)
            } else {
                days.append(SharedDays(series: [one.pair: one], span: span))
            }
        }
        return days
    }
}
