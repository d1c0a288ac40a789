internal import MarketData

/// Numbers pairs from 0 in the order in which they first come: one multiplication and, nearly always, one
/// comparison a look-up.
struct PairTable {
    private struct Slot {
        var pair = Pair.none
        /// -1: free.
        var index: Int32 = -1
    }

    private var slots: [Slot]
    private(set) var pairs: [Pair] = []
    private var mask: Int

    init() {
        mask = 255
        slots = Array(repeating: Slot(), count: mask + 1)
    }

    /// The pair's number; `nil` where it has none yet.
    @inline(__always)
    func index(of pair: Pair) -> Int? {
        var place = home(pair)
        while true {
            let slot = slots[place]
            if slot.index < 0 { return nil }
            if slot.pair == pair { return Int(slot.index) }
            place = (place &+ 1) & mask
        }
    }

    mutating func add(_ pair: Pair) -> Int {
        if (pairs.count + 1) * 2 > mask { grow() }
        insert(pair, Int32(pairs.count))
        pairs.append(pair)
        return pairs.count - 1
    }

    private mutating func insert(_ pair: Pair, _ index: Int32) {
        var place = home(pair)
        while slots[place].index >= 0 { place = (place &+ 1) & mask }
        slots[place] = Slot(pair: pair, index: index)
    }

    private mutating func grow() {
        mask = mask * 2 + 1
        slots = Array(repeating: Slot(), count: mask + 1)
        for (index, pair) in pairs.enumerated() { insert(pair, Int32(index)) }
    }

    /// The golden-ratio multiplier spreads the letters over the high bits.
    @inline(__always)
    private func home(_ pair: Pair) -> Int {
        let mixed = (pair.tail ^ UInt64(pair.head)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 40) & mask
    }
}
