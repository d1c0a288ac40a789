import IG
import MarketData

/// libFuzzer's entry: the first byte chooses by how many places prices are shifted, the rest is the body of a reply,
/// read as each of those that the broker sends. Built by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let body = Array(UnsafeRawBufferPointer(start: data + 1, count: count - 1))
    let shifts = Instrument.pointShifts.values.sorted()
    if let reply = PricesReply(body: body, pointShift: shifts[Int(data[0]) % shifts.count]) { check(reply) }
    if let reply = MarketsReply(body: body) { for market in reply.markets { touch(market.epic + market.status) } }
    if let reply = LoginReply(body: body) { touch(reply.currentAccountId + reply.lightstreamerEndpoint) }
    let code = ErrorReply.code(body: body, status: Int(data[0]) * 4)
    precondition(code.utf8.count <= 120 && code.utf8.allSatisfy { (32..<127).contains($0) }, "unfit for a log: \(code)")
    let error = RESTError(operation: "GET /prices", cause: .refused(status: Int(data[0]) * 4, errorCode: code))
    touch("\(error.disposition) \(error) \(error.advice)")
    return 0
}

/// What holds for all that is read, whatever it was.
private func check(_ reply: PricesReply) {
    if let allowance = reply.allowance {
        precondition((0...allowance.total).contains(allowance.remaining), "an allowance out of bounds: \(allowance)")
    }
    for row in reply.rows {
        precondition(row.localStart >= 0 && row.start?.rawValue ?? 0 >= 0, "a time before 1970: \(row)")
        for side in [row.bid, row.ask] {
            guard let side else { continue }
            let prices = [side.open, side.high, side.low, side.close]
            precondition(prices.allSatisfy { $0.rawValue > 0 }, "a price that is none: \(side)")
            touch("\(prices)")
        }
    }
}

private func touch(_ text: String) { precondition(text.utf8.reduce(0) { $0 &+ Int($1) } >= 0) }
