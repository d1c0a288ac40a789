internal import MarketData

/// A moment as the header `Date` has it. Source: RFC 9110 § 5.6.7.
func httpDate(_ moment: UTCSeconds) -> String {
    let days = floorDivide(moment.rawValue, 86_400)
    let date = CivilDate(daysSince1970: days)
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = date.day < 10 ? "0\(date.day)" : "\(date.day)"
    return
        "\(weekdays[Int(days % 7)]), \(day) \(months[Int(date.month - 1)]) \(date.year) \(moment.text().suffix(8)) GMT"
}
