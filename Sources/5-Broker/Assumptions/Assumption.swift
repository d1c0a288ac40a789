/// The facts about the broker that the code relies on, and that the broker does not guarantee. The running system
/// counts how often each held and failed (`AssumptionTally`); `candlewick assumptions` shows it.
public enum Assumption: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
    case protocolTaken = "protocol-taken"
    case itemsFit = "items-fit"
    case tickItemTaken = "tick-item-taken"
    case subscriptionShape = "subscription-shape"
    case snapshotEnds = "snapshot-ends"
    case unlimitedUpdates = "unlimited-updates"
    case heartbeatTaken = "heartbeat-taken"
    case heartbeatTime = "heartbeat-time"
    case heartbeatPace = "heartbeat-pace"
    case clockOffset = "clock-offset"
    case tickTimes = "tick-times"
    case tickOrder = "tick-order"
    case tickPrices = "tick-prices"
    case nativeCandles = "native-candles"
    case recoveryGranted = "recovery-granted"
    case tokensLast = "tokens-last"
    case loginLimits = "login-limits"
    case weeklyPoints = "weekly-points"
    case pointPerCandle = "point-per-candle"
    case renewalWithinWeek = "renewal-within-week"
    case candlesAsked = "candles-asked"
    case candlePrices = "candle-prices"

    /// An assumption for people.
    public struct Fact: Sendable {
        /// What is assumed, as a whole sentence without its end.
        public let sentence: String
        /// What it was read from or seen in.
        public let source: String
        /// The consequence if it fails.
        public let consequence: String

        fileprivate init(_ sentence: String, _ source: String, _ consequence: String) {
            (self.sentence, self.source, self.consequence) = (sentence, source, consequence)
        }
    }

    public var fact: Fact {
        switch self {
        case .protocolTaken:
            Fact("The broker accepts TLCP 2.4.0", "ig-api § 9.1", "No session begins, so no tick is streamed")
        case .itemsFit:
            Fact(
                "One connection may have 40 items, the heartbeat among them", "ig-api §§ 8, 14",
                "Pairs are refused and stay blind")
        case .tickItemTaken:
            Fact("CHART:{epic}:TICK is served for each instrument", "ig-api § 9.3", "The pair stays blind")
        case .subscriptionShape:
            Fact(
                "SUBOK confirms the requested items and fields", "tlcp § Subscriptions",
                "The subscription is refused, the pair stays blind")
        case .snapshotEnds:
            Fact(
                "EOS follows the snapshot of each tick item", "ig-api § 9.4, tlcp § Snapshots",
                "The pair is blind two seconds longer after each subscription")
        case .unlimitedUpdates:
            Fact(
                "CONF says that the updates are unlimited", "tlcp § Modes",
                "The broker drops ticks: every candle of the pair is partial")
        case .heartbeatTaken:
            Fact("TRADE:HB.U.HEARTBEAT.IP is served", "ig-api § 9.3", "Silence is noticed later, candles close later")
        case .heartbeatTime:
            Fact(
                "The heartbeat is a time since 1970, in seconds or milliseconds", "ig-api § 9.3",
                "The heartbeat is ignored, and the local clock replaces it")
        case .heartbeatPace:
            Fact(
                "The heartbeat comes once a second", "ig-api § 9.3: 301 in 5 minutes, 1.011 s at most",
                "A living feed is reported as silent, or a silent one too late")
        case .clockOffset:
            Fact(
                "The broker's clock is within 5 s of this machine's", "ig-api § 14: 1.3 to 1.5 s ahead",
                "Ages are wrong; check this machine's clock first")
        case .tickTimes:
            Fact(
                "Each tick has its time, UTM, in milliseconds since 1970", "ig-api § 9.4",
                "The tick is ignored and counts as lost")
        case .tickOrder:
            Fact(
                "The times of one item's ticks never step back", "ig-api § 11, number 11",
                "Late ticks make new revisions of closed candles")
        case .tickPrices:
            Fact(
                "Prices are positive decimals of at most 8 places", "ig-api § 6",
                "The tick is ignored and counts as lost")
        case .nativeCandles:
            Fact(
                "UTM of CHART:{epic}:5MINUTE is the candle's start, and CONS_END 1 marks its end",
                "ig-api §§ 9.3, 9.5", "No second opinion of the pair's candles")
        case .recoveryGranted:
            Fact(
                "A cut session can be recovered within 15 s", "tlcp § Recovery, ig-api § 12, number 6",
                "Each cut leaves a hole")
        case .tokensLast:
            Fact(
                "Tokens of a login are valid for 6 hours", "ig-api § 2.8",
                "Logins come more often, and the broker may refuse them")
        case .loginLimits:
            Fact(
                "GET /operations/application names the limits of the key", "ig-api § 5",
                "Limits are guessed: 40 items, 30 requests a minute")
        case .weeklyPoints:
            Fact("10,000 points may be bought a week", "ig-api § 3.7", "Plans promise more than can be bought")
        case .pointPerCandle:
            Fact("A candle costs one point", "ig-api § 3.7", "The ledger is wrong, and so are the plans")
        case .renewalWithinWeek:
            Fact(
                "The allowance is renewed within 7 days", "ig-api § 3.7", "Repair and backfill wait longer than planned"
            )
        case .candlesAsked:
            Fact(
                "A reply holds candles of the requested time", "ig-api § 3.4",
                "Points are wasted, and the account's clock is determined again")
        case .candlePrices:
            Fact(
                "A bought candle has both sides, with open and close within low and high", "ig-api § 3.3",
                "The candle is ignored, its hole stays")
        }
    }
}
