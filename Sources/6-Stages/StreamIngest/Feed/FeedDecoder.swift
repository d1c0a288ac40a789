internal import MarketData
internal import TLCP
internal import Wire

/// Reads the fields of the feed's updates: text in, numbers out. Knows no state but what it is given.
/// Source: `ig-api` § 9.3.
enum FeedDecoder {
    /// Both sides of a tick, in units of `Price`; 0 if its flag says that the side is missing.
    struct Sides {
        let bid: Int64
        let ask: Int64
    }

    enum Time: Hashable {
        /// ns since 1970.
        case at(Int64)
        /// The field is null.
        case missing
        /// No number of milliseconds of 2000 to 2100.
        case wrong
    }

    /// 2000-01-01 and 2100-01-01, ms since 1970: what a time of the broker can be.
    static var plausibleMillis: Range<Int64> { 946_684_800_000..<4_102_444_800_000 }

    /// How an update came.
    /// - Parameter snapshotIsEndless: what is flagged as snapshot is live.
    @inline(__always)
    static func origin(of update: FieldUpdate, snapshotIsEndless: Bool) -> TickFlags {
        var flags: TickFlags = []
        if update.flags.contains(.snapshot), !snapshotIsEndless { flags.insert(.snapshot) }
        if update.flags.contains(.recovered) { flags.insert(.recovered) }
        return flags
    }

    /// Reads `BID` and `OFR`, fields 0 and 1.
    /// - Parameters:
    ///   - pointShift: how many places the decimal point moves left from the broker's price to ours.
    ///   - flags: gets those of missing sides and of an ask below the bid.
    /// - Returns: `nil` if one of them is no positive price.
    @inline(__always)
    static func sides(of update: FieldUpdate, pointShift: Int, _ flags: inout TickFlags) -> Sides? {
        guard let bid = price(update[0], pointShift, .bidMissing, &flags),
            let ask = price(update[1], pointShift, .askMissing, &flags)
        else { return nil }
        if ask < bid, flags.isDisjoint(with: .sideMissing) { flags.insert(.inverted) }
        return Sides(bid: bid, ask: ask)
    }

    /// - Returns: units; 0 with the flag for null; `nil` for what is no price.
    @inline(__always)
    private static func price(
        _ field: UnsafeRawBufferPointer?, _ shift: Int, _ missing: TickFlags, _ flags: inout TickFlags
    ) -> Int64? {
        guard let field else {
            flags.insert(missing)
            return 0
        }
        guard let price = Price(decimal: field, pointShift: shift), price.rawValue > 0 else { return nil }
        return price.rawValue
    }

    /// Reads `UTM`, the time of a tick or the start of a candle, ms since 1970.
    @inline(__always)
    static func time(_ field: UnsafeRawBufferPointer?) -> Time {
        guard let field else { return .missing }
        guard let millis = DigitWord.number(field), plausibleMillis.contains(millis) else { return .wrong }
        return .at(millis * UTCNanos.perMillisecond)
    }

    /// Reads `HEARTBEAT`.
    /// - Returns: ns since 1970; `nil` for what is no time.
    static func heartbeat(_ field: UnsafeRawBufferPointer?) -> Int64? {
        guard let millis = field.flatMap(DigitWord.number).map(heartbeatMillis), plausibleMillis.contains(millis)
        else { return nil }
        return millis * UTCNanos.perMillisecond
    }

    /// Seconds or milliseconds since 1970: both have been documented (`ig-api` § 9.3).
    static func heartbeatMillis(_ value: Int64) -> Int64 {
        value < 100_000_000_000 ? value * 1_000 : value
    }
}
