/// The final candles that may still change, by their intervals.
///
/// The candles lie close together, apart from the table of their places: a dictionary of them would keep room for up to
/// twice as many, of 230 bytes each.
struct ClosedCandles {
    typealias Key = CandleBuilder.Key

    private var places: [Key: Int32] = [:]
    private var candles: [ClosedCandle] = []
    /// Places of candles that were forgotten.
    private var free: [Int32] = []

    var count: Int { places.count }
    var keys: Dictionary<Key, Int32>.Keys { places.keys }

    subscript(key: Key) -> ClosedCandle? { places[key].map { candles[Int($0)] } }

    mutating func put(_ candle: ClosedCandle, _ key: Key) {
        if let place = places[key] ?? free.popLast() {
            candles[Int(place)] = candle
            places[key] = place
        } else {
            places[key] = Int32(candles.count)
            candles.append(candle)
        }
    }

    mutating func remove(_ key: Key) -> ClosedCandle? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        free.append(place)
        return candles[Int(place)]
    }

    mutating func forget(where isOld: (Key) -> Bool) {
        for (key, place) in places where isOld(key) {
            places[key] = nil
            free.append(place)
        }
    }
}

extension ClosedCandles: StateValue {
    func write(to bytes: inout StateWriter) {
        bytes.put(count: count)
        for (key, place) in places {
            bytes.put(key)
            bytes.put(candles[Int(place)])
        }
    }

    init(from bytes: inout StateReader) throws(StateDamage) {
        let count = try bytes.count()
        places.reserveCapacity(bytes.room(for: count))
        candles.reserveCapacity(bytes.room(for: count))
        for _ in 0..<count {
            let key: Key = try bytes.take()
            guard places[key] == nil else { throw StateDamage() }
            put(try bytes.take(), key)
        }
    }
}
