internal import MarketData

/// A calendar month of UTC: one partition of the table `candle`.
struct CandleMonth: Hashable {
    private let year: Int64
    private let month: Int64

    /// The month that holds a moment.
    init(of moment: UTCSeconds) {
        let date = CivilDate(daysSince1970: floorDivide(moment.rawValue, 86_400))
        (year, month) = (date.year, date.month)
    }

    private init(year: Int64, month: Int64) { (self.year, self.month) = (year, month) }

    var next: CandleMonth {
        month < 12 ? CandleMonth(year: year, month: month + 1) : CandleMonth(year: year + 1, month: 1)
    }

    var start: UTCSeconds {
        UTCSeconds(rawValue: CivilDate.daysSince1970(year: year, month: month, day: 1) * 86_400)
    }

    var end: UTCSeconds { next.start }

    private static let prefix = "candle_"

    /// The partition's: `candle_2026_11`.
    var name: String { "\(Self.prefix)\(year)_\(month < 10 ? "0" : "")\(month)" }

    /// - Returns: `nil` unless it is the name of a month's partition.
    init?(name: String) {
        let fields = name.dropFirst(Self.prefix.count).split(separator: "_").compactMap { Int64($0) }
        guard name.hasPrefix(Self.prefix), fields.count == 2, (1...12).contains(fields[1]) else { return nil }
        self.init(year: fields[0], month: fields[1])
    }

    /// Attached instead of created as a partition: that would shut readers of `candle` out meanwhile.
    var creation: String {
        """
        CREATE TABLE \(name) (LIKE candle);
        ALTER TABLE candle ATTACH PARTITION \(name) FOR VALUES FROM (\(start.rawValue)) TO (\(end.rawValue))
        """
    }
}
