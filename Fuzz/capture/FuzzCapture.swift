/// libFuzzer's entry: the first byte chooses the kind of file and the pieces in which it is read, the rest is the
/// file. A capture that is read is played to its end. Built together with the simulator's sources by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let mode = data[0]
    let bytes = Array(UnsafeBufferPointer(start: data + 1, count: count - 1))
    let piece = mode & 2 == 2 ? bytes.count + 1 : Int(mode >> 2) + 1
    if mode & 1 == 0 {
        if let capture = read(bytes, CaptureParser(), piece) { play(capture) }
    } else if let ticks = read(bytes, TickFileParser(allowsLateTicks: mode & 4 == 4), piece) {
        check(ticks, isOrdered: mode & 4 == 0)
    }
    return 0
}

private func read<Parser: LineParser>(_ bytes: [UInt8], _ parser: Parser, _ piece: Int) -> Parser.Product? {
    var file = PlayFile(path: "f", parser)
    do throws(PlayFileError) {
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try file.take(bytes[start..<min(start + piece, bytes.count)])
        }
        return try file.finish()
    } catch {
        precondition(error.description.hasPrefix("f"), "no place: \(error)")
        return nil
    }
}

/// Everybody listens from the start.
private final class FuzzListener: ItemListener {
    unowned let item: MarketItem
    var sum = 0

    init(_ item: MarketItem) { self.item = item }

    func itemChanged() {
        precondition(item.values.count == item.fields.count, "an update of other fields")
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FieldValue.bytesMax) { buffer in
            for value in item.values {
                let length = value.write(to: buffer.baseAddress!)
                precondition(length <= FieldValue.bytesMax, "a value longer than its room")
                precondition(FieldValue(token: Array(buffer[..<length])[...]) == value, "a value that reads otherwise")
                sum += value.text?.utf8.count ?? 0
            }
        }
    }

    func itemNoted(_ notice: ItemNotice) { sum += 1 }
}

private func play(_ capture: Capture) {
    let play = CapturePlay(capture)
    precondition(play.beginning >= 0)
    let listeners = play.items.map { FuzzListener($0) }
    for (item, listener) in zip(play.items, listeners) { item.add(listener) }
    var time = Int64.min
    while play.phase != .finished {
        play.startIfAttended()
        precondition(play.phase == .running, "all listen and it waits")
        precondition(play.nextTime >= time, "time steps back")
        time = play.nextTime
        _ = play.playNext()
    }
    let updates = capture.acts.reduce(0) { sum, act in
        sum + act.events.count { if case .update = $0.step { true } else { false } }
    }
    precondition(play.sentCounts.reduce(0, +) == updates, "not all of it was played")
}

private func check(_ ticks: [MarketTick], isOrdered: Bool) {
    let source = FileTicks(ticks)
    var last = Int64.min
    for _ in ticks {
        precondition(source.nextTime != .max, "a tick is missing")
        let tick = source.next()
        precondition(!isOrdered || tick.time >= last, "ticks out of order")
        last = tick.time
        for price in [tick.bid, tick.ask] where !price.isNull {
            let text = FieldValue(price).text ?? ""
            precondition(WirePrice(text: text.utf8) == price, "a price that reads otherwise: \(text)")
        }
    }
    precondition(source.nextTime == .max)
    if isOrdered { source.forEach(from: ticks[0].time, to: .max) { precondition($0.time >= 0) } }
}
