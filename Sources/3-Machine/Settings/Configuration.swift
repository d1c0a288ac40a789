internal import IG
public import Host
public import MarketData
public import Streams
public import Wire

/// The settings of all stages. Every one has a default, so no file is needed.
public struct Configuration: Sendable {
    /// Whose settings these are.
    public var collector = Collector.main
    /// What is streamed: of one account at most one less than its stream has items, since the heartbeat takes one; usually
    /// 39 (`ig-api` §§ 5, 8).
    public var instruments = Instrument.defaults
    /// Sorted, without repeats.
    public var timeframes = [Timeframe.fiveMinutes, .fifteenMinutes]
    /// When a candle closes.
    public var closing = Closing.nextTick
    /// How long after an interval's end its candle waits for late ticks, in feed time.
    public var grace: Duration = .milliseconds(500)
    /// How far back a late tick still makes a new revision of its candle, in feed time.
    public var lateReach: Duration = .seconds(86_400)
    /// What is done with the broker's own candles.
    public var secondOpinion = SecondOpinion.observe
    public var stream = Streaming()
    public var journal = JournalSettings()
    public var store = Store()
    public var history = History()
    public var relay = Relay()
    public var web = Web()
    public var watch = Watch()

    /// When each instrument is traded.
    public var calendar: TradingCalendar { TradingCalendar(instruments) }

    public enum Closing: String, CaseIterable, Sendable {
        /// With the pair's own first tick at or beyond its end; of a quiet pair after the grace.
        case nextTick = "next_tick"
        /// After the grace.
        case grace
    }

    public enum SecondOpinion: String, CaseIterable, Sendable {
        /// A candle beyond which the broker's own reaches is marked as disputed.
        case observe
        /// It is partial besides, so that it is repaired.
        case enforce
        /// The broker's own candles are not asked for.
        case off
    }

    public struct Streaming: Sendable {
        /// At least so long between two logins: the broker answers quicker ones from a cache with dead
        /// tokens (`ig-api` § 2.8).
        public var loginSpacingSeconds = 61
        public init() {}
    }

    public struct History: Sendable {
        /// Candles wanted of each pair and timeframe.
        public var depth = 200
        /// Points that the broker gives in a week; its own word counts more (`ig-api` § 3.7).
        public var weeklyPoints = 10_000
        /// Points that are left alone unless a flag says otherwise.
        public var reservePoints = 500
        /// Repair looks for holes no older than this.
        public var repairDays = 30
        /// The most points of one run of repair: an hour without a feed costs 336 for 28 pairs in 5m, and the timer is hourly.
        public var repairPoints = 500
        /// The most that repair spends in a week, percent of the broker's points: of 10,000 that is seven hours without a
        /// feed for 28 pairs in 5m (2,352).
        public var repairWeekPercent = 25
        /// Between two requests in the long run: IG takes 30 a minute from an account, ours and others' (`ig-api` § 8).
        public var requestSpacingMilliseconds = 2_500
        /// Requests that may come at once after a rest.
        public var requestBurst = 5
        public init() {}
    }

    public struct Relay: Sendable {
        /// `nil`: nowhere.
        public var listen: RelayAddress?
        public init() {}
    }

    public struct Web: Sendable {
        public var listen = ListenAddress.tcp(host: "127.0.0.1", port: 9_641)
        /// Such as `https://charts.example.org`: pages of other servers that may read, without a path.
        public var origins: [String] = []
        public init() {}
    }

    /// What candlewick-watch looks for and tells whom; its addresses of the web are credentials.
    public struct Watch: Sendable {
        public enum Least: String, CaseIterable, Sendable {
            case failed
            case warning
        }

        public enum Shape: String, CaseIterable, Sendable {
            case json
            case ntfy
            case slack
            case telegram
        }

        /// Between two looks.
        public var everySeconds = 5
        /// A finding counts once it has been there for so long, and has ended once it has been away for so long.
        public var holdSeconds = 30
        /// Between two messages while something is bad; 0: no repeats.
        public var repeatMinutes = 60
        /// The least state of a finding that makes a message.
        public var least = Least.failed
        /// What the webhook takes.
        public var shape = Shape.json
        /// Of Telegram.
        public var chat: String?
        /// An absolute path.
        public var command: String?
        /// An address.
        public var mail: String?
        /// Between two pings while all is well.
        public var pingSeconds = 60
        public init() {}
    }

    public struct Store: Sendable {
        /// Rows after which a transaction is committed.
        public var batchRows = 1_000
        /// The longest a received row waits for its commit, at most 200.
        public var batchMilliseconds = 50
        /// Candles and feed events older than this are deleted, by feed time; 0: kept for ever.
        public var retentionDays = 0
        public init() {}
    }

    public init() {}
}
