import Candles
import MarketData
import Wire

/// libFuzzer's entry: the input is one candle record, then tick records. Each is decoded as it came, which
/// must refuse it unless its checksum is right, and once more with a right checksum, so that the fields
/// behind it are reached; what decodes goes into a fold, as in the aggregator. Built by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = UnsafeRawBufferPointer(start: data, count: count)
    var sum = touch(CandleEnvelope(bytes: input)) + touch(TickEnvelope(bytes: input))
    if let candle: CandleEnvelope = sealed(input, position: 1) {
        sum += touch(candle)
        input = UnsafeRawBufferPointer(rebasing: input[CandleEnvelope.byteCount...])
    }
    var builder = CandleBuilder(options: CandleBuilder.Options())
    var position: UInt64 = 0
    while input.count >= TickEnvelope.byteCount, position < 64 {
        position += 1
        guard let tick: TickEnvelope = sealed(input, position: position) else { break }
        input = UnsafeRawBufferPointer(rebasing: input[TickEnvelope.byteCount...])
        sum += touch(tick)
        builder.fold(tick)
        for var candle in builder.output {
            candle.seal(position: position)
            guard CandleEnvelope(bytes: candle.bytes) != nil else { preconditionFailure("a sealed candle must decode") }
            precondition(isPlausible(candle), "a candle out of order: \(candle)")
            sum += touch(candle)
        }
        builder.output.removeAll(keepingCapacity: true)
    }
    return sum == .min ? -1 : 0
}

extension StreamEnvelope {
    fileprivate init?(bytes: [UInt8]) {
        guard let record = bytes.withUnsafeBytes({ Self(bytes: $0) }) else { return nil }
        self = record
    }
}

/// The first bytes of the input as a record of this position with the right checksum.
private func sealed<Record: StreamEnvelope>(_ input: UnsafeRawBufferPointer, position: UInt64) -> Record? {
    guard input.count >= Record.byteCount else { return nil }
    var bytes = Array(input.prefix(Record.byteCount))
    bytes.withUnsafeMutableBytes { RecordBytes.seal($0, position: position) }
    return Record(bytes: bytes)
}

/// What holds for every candle that ticks made, whatever the ticks were.
private func isPlausible(_ record: CandleEnvelope) -> Bool {
    guard let candle = record.candle else { return record.kind == .feed }
    return [candle.bid, candle.ask, candle.mid].allSatisfy { side in
        side.low.rawValue <= min(side.open.rawValue, side.close.rawValue)
            && side.high.rawValue >= max(side.open.rawValue, side.close.rawValue)
    } && candle.revision >= 1
}

private func touch(_ record: TickEnvelope?) -> Int {
    guard let record else { return 0 }
    let text =
        switch record.content {
        case .tick(let tick): "\(tick.pair) \(tick.brokerTime) \(tick.bid) \(tick.flags.names)"
        case .clock(let clock): "\(clock.brokerTime) \(clock.isStandIn)"
        case .feed(let feed): "\(feed.pair) \(feed.event.name) \(feed.event.details)"
        case .unknown: record.kind.name
        }
    return text.utf8.count
}

private func touch(_ record: CandleEnvelope?) -> Int {
    guard let record else { return 0 }
    let text =
        switch record.content {
        case .candle(let candle): "\(candle.series) \(candle.start) \(candle.mid.close)"
        case .forming(let candle): "\(candle.series) \(candle.flags.names)"
        case .part(let part): "\(part.candle.series) \(part.candle.flags.names)"
        case .empty(let empty): "\(empty.series) \(empty.start) \(empty.isUnusable)"
        case .request(let sent): "\(sent.request.series) \(sent.request.first) \(sent.request.points)"
        case .reply(let answer): "\(answer.reply.outcome) \(answer.reply.points)"
        case .feed(let feed): "\(feed.event.name) \(feed.brokerTime)"
        case .unknown: record.kind.name
        }
    return text.utf8.count
}
