extension CandleBuilder {
    /// What came, and what was left out.
    public struct Counters: Hashable, Sendable {
        public var ticks: UInt64 = 0
        /// Snapshots that only repeat the pair's last tick, or an older one.
        public var duplicates: UInt64 = 0
        /// Ticks that bring one side: they move that side.
        public var oneSided: UInt64 = 0
        /// Ticks that bring neither side: they do not move candles.
        public var sideMissing: UInt64 = 0
        /// Ticks with the ask below the bid: kept as they came.
        public var inverted: UInt64 = 0
        /// Ticks after their candle was final, each a new revision.
        public var late: UInt64 = 0
        /// Late ticks beyond the reach, left out.
        public var tooLate: UInt64 = 0
        /// Ticks and clocks before 1970, after 2200, or more than a day ahead of the feed's clock: left out.
        public var implausible: UInt64 = 0
        /// How often the broker's time turned out to be wrong and ahead.
        public var clocksSetBack: UInt64 = 0
        public var candles: UInt64 = 0
        public var unknownRecords: UInt64 = 0
    }
}
