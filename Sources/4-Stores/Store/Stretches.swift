internal import MarketData

/// Stretches of time, sorted and apart from each other: neighbours that touch are one.
struct Stretches: Hashable, Sendable {
    private(set) var all: [Range<UTCSeconds>] = []

    /// - Parameter some: in any order; they may overlap.
    init(_ some: [Range<UTCSeconds>]) {
        for stretch in some.sorted(by: { $0.lowerBound < $1.lowerBound }) where !stretch.isEmpty {
            if let last = all.last, last.upperBound >= stretch.lowerBound {
                all[all.count - 1] = last.lowerBound..<max(last.upperBound, stretch.upperBound)
            } else {
                all.append(stretch)
            }
        }
    }

    /// A stretch without some parts.
    init(_ whole: Range<UTCSeconds>, without holes: Stretches) {
        var start = whole.lowerBound
        var left: [Range<UTCSeconds>] = []
        for hole in holes.all where hole.upperBound > start && hole.lowerBound < whole.upperBound {
            if hole.lowerBound > start { left.append(start..<hole.lowerBound) }
            start = hole.upperBound
        }
        if start < whole.upperBound { left.append(start..<whole.upperBound) }
        self.init(left)
    }

    /// Whether an interval lies inside one of them.
    func contain(_ interval: Range<UTCSeconds>) -> Bool {
        // The first that ends behind the interval's beginning.
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].upperBound <= interval.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < all.count && all[low].lowerBound <= interval.lowerBound
            && interval.upperBound <= all[low].upperBound
    }

    /// The end of the last part of some holes that lies in none of these; 0 without any.
    func endOfUnseen(_ holes: Stretches) -> UTCSeconds {
        for hole in holes.all.reversed() where !contain(hole) {
            if let unseen = Stretches(hole, without: self).all.last { return unseen.upperBound }
        }
        return UTCSeconds(rawValue: 0)
    }
}
