internal import Host
internal import MarketData

/// The machine's clocks: the only place of the simulator that asks for the time.
struct WallClock {
    private let clock = Clock.system

    /// Seconds since 1970 UTC.
    func second() -> Int64 { clock.now().seconds.rawValue }

    /// Nanoseconds since 1970 UTC.
    func now() -> Int64 { clock.now().rawValue }

    /// Nanoseconds since an arbitrary moment; never steps.
    func monotonic() -> Int64 { clock.monotonic() }
}

/// A moment as HTTP's `Date` header shows it.
/// - Parameter second: Unix seconds.
func httpDate(_ second: Int64) -> String {
    let days = floorDivide(second, 86_400)
    let date = CivilDate(daysSince1970: days)
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = date.day < 10 ? "0\(date.day)" : "\(date.day)"
    let time = UTCSeconds(rawValue: second).text().suffix(8)
    return "\(weekdays[Int(days % 7)]), \(day) \(months[Int(date.month - 1)]) \(date.year) \(time) GMT"
}
