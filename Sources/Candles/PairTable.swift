internal import MarketData

/// Numbers pairs from 0 in the order in which they first come: one multiplication and, nearly always, one
/// comparison a look-up.
struct PairTable {
    private var keys: [Pair]
    private var indices: [Int32]
    private(set) var pairs: [Pair] = []
    private var mask: Int

    init() {
        mask = 255
        keys = Array(repeating: .none, count: mask + 1)
        indices = Array(repeating: -1, count: mask + 1)
    }

    /// The pair's number; `nil` where it has none yet.
    @inline(__always)
    func index(of pair: Pair) -> Int? {
        var place = slot(pair)
        while true {
            let index = indices[place]
            if index < 0 { return nil }
            if keys[place] == pair { return Int(index) }
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
        var place = slot(pair)
        while indices[place] >= 0 { place = (place &+ 1) & mask }
        keys[place] = pair
        indices[place] = index
    }

    private mutating func grow() {
        mask = mask * 2 + 1
        keys = Array(repeating: .none, count: mask + 1)
        indices = Array(repeating: -1, count: mask + 1)
        for (index, pair) in pairs.enumerated() { insert(pair, Int32(index)) }
    }

    /// The golden-ratio multiplier spreads the letters over the high bits.
    @inline(__always)
    private func slot(_ pair: Pair) -> Int {
        let mixed = (pair.tail ^ UInt64(pair.head)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 40) & mask
    }
}
