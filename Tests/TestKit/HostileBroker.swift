public import MarketData

/// A streaming server whose every byte is in the test's hand, with the market that it serves. It keeps the truth:
/// each tick that happened, whether it was sent or not.
///
/// Times are ns. `now` is the broker's own clock, which is right; what it stamps may be wrong.
public struct HostileBroker {
    public struct Tick: Hashable {
        public let time: Int64
        public let bid: Int64?
        public let ask: Int64?
    }

    public enum Silence { case whole, probes, endlessLine }

    public struct Subscription {
        let item: Int
        /// Sends nothing more, while a new subscription of the same item would.
        var isFrozen = false
        /// Updates a second; `nil`: no limit.
        var limit: Double?
        var nextAllowed: Int64 = 0
    }

    public static let start: Int64 = 1_778_572_800_000_000_000
    public static let pairs = ["EUR_USD", "NZD_CAD", "USD_JPY"].map { Pair($0)! }
    public static let instruments = pairs.map { Instrument(pair: $0, epic: "CS.D.\($0.base)\($0.quote).CFD.IP") }
    public static let second = UTCNanos.perSecond

    public private(set) var now = start
    public var time: UTCNanos { UTCNanos(rawValue: now) }
    public private(set) var truth: [[Tick]] = pairs.map { _ in [] }
    public var random: SplitMix
    /// Of the market alone: what goes wrong does not move it.
    private var market: SplitMix

    // What goes wrong.
    public var silence: Silence?
    /// The error of the time of heartbeats and ticks.
    public var heartbeatError: Int64 = 0
    public var tickError: Int64 = 0
    /// The next heartbeat and the next tick alone.
    public var nextHeartbeatError: Int64 = 0
    public var nextTickError: Int64 = 0
    /// One tick in this many lacks a side; 0: none.
    public var oneSidedEvery = 0
    /// One tick in this many is up to 1.5 s older than those before it; 0: none.
    public var lateEvery = 0
    /// One tick in this many is dropped and declared lost; 0: none.
    public var lostEvery = 0
    public var hasHeartbeat = true
    /// Sent in place of the heartbeat's time.
    public var heartbeatText: String?
    /// Sent in place of the next tick's bid.
    public var nextBid: String?
    /// What a `SUBOK` says of its items.
    public var subscribedItems = 1
    public var endsSnapshots = true
    public var refusal = "Invalid account type"
    /// The code with which sessions are refused.
    public var refusesSessions: Int?
    /// No item sends ticks, while the heartbeat goes on.
    public var holdsTicks = false
    /// Until when an item is refused.
    public var refusedUntil: [Int: Int64] = [:]
    public var refusesRecovery = false
    /// A cut happens right after the next `add`, before its answer.
    public var cutsAfterAdd = false
    /// Ticks a second of each pair.
    public var rates: [Double] = [1.5, 0.2, 1.0]
    /// 0 while the market is shut.
    public var isOpen = true

    // Sessions and the wire.
    public private(set) var output: [UInt8] = []
    public private(set) var isConnected = false
    public private(set) var wantsCut = false
    private var session = 0
    private var isSessionAlive = false
    public private(set) var subscriptions: [Int: Subscription] = [:]
    /// The number of each item's newest subscription.
    private var lastNumber: [Int: Int] = [:]
    private var log: [String] = []
    /// How much of the log went out.
    private var sent = 0
    private var isBound = false
    private var lastSent: Int64 = 0
    private var nextHeartbeat = start + UTCNanos.perSecond
    private var nextTicks: [Int64] = pairs.map { _ in start + UTCNanos.perMillisecond }
    private var mids: [Int64] = [1_100_000_000, 820_000_000, 155_000_000_000]

    /// - Parameter market: two brokers with the same one serve the same ticks; `nil`: one of the broker's own.
    public init(seed: UInt64, market: UInt64? = nil) {
        random = SplitMix(seed: seed)
        self.market = SplitMix(seed: market ?? seed &+ 0x6D61_726B_6574)
    }

    // MARK: The market

    /// Lets the market and the server run up to a moment.
    public mutating func run(until moment: Int64) {
        while let (time, item) = nextEvent(), time <= moment {
            now = time
            if let item { tick(item) } else { beat() }
        }
        now = moment
        keepAlive()
    }

    /// The earliest heartbeat (`nil`) or tick.
    private func nextEvent() -> (Int64, Int?)? {
        let item = nextTicks.indices.min { nextTicks[$0] < nextTicks[$1] }!
        return nextTicks[item] < nextHeartbeat ? (nextTicks[item], item) : (nextHeartbeat, nil)
    }

    private mutating func tick(_ item: Int) {
        let pause = Double.random(in: 0.05...2, using: &market) / rates[item]
        nextTicks[item] = now + max(1, Int64(pause * 1_000)) * UTCNanos.perMillisecond
        guard isOpen else { return }
        mids[item] += Int64.random(in: -9...9, using: &market) * 10_000
        let spread = Int64.random(in: 1...20, using: &market) * 10_000
        let lacks = Self.meets(oneSidedEvery, &market)
        let delay = Self.meets(lateEvery, &market) ? Int64.random(in: 0..<1_500_000_000, using: &market) : 0
        let lacksBid = lacks && Bool.random(using: &market)
        let tick = Tick(
            time: (now - delay) / UTCNanos.perMillisecond * UTCNanos.perMillisecond, bid: lacksBid ? nil : mids[item],
            ask: lacks && !lacksBid ? nil : mids[item] + spread)
        truth[item].append(tick)
        guard !holdsTicks else { return }
        let isLost = Self.meets(lostEvery, &random)
        let error = tickError + nextTickError
        for number in subscriptions.keys.sorted() where subscriptions[number]?.item == item {
            guard let subscription = subscriptions[number], !subscription.isFrozen else { continue }
            if let limit = subscription.limit {
                guard now >= subscription.nextAllowed else { continue }
                subscriptions[number]?.nextAllowed = now + Int64(1e9 / limit)
            }
            nextTickError = 0
            if isLost {
                data("OV,\(number),1,1")
                continue
            }
            data("U,\(number),1,\(Self.values(tick, error, bid: nextBid))")
            nextBid = nil
        }
    }

    private static func meets(_ oneIn: Int, _ random: inout SplitMix) -> Bool {
        oneIn > 0 && Int.random(in: 0..<oneIn, using: &random) == 0
    }

    private mutating func beat() {
        nextHeartbeat += Self.second
        guard hasHeartbeat else { return }
        let error = heartbeatError + nextHeartbeatError
        nextHeartbeatError = 0
        for number in subscriptions.keys.sorted() where subscriptions[number]?.item == -1 {
            data("U,\(number),1,\(heartbeatText ?? "\((now + error) / 1_000_000)")")
        }
    }

    private static func values(_ tick: Tick, _ error: Int64, bid: String? = nil) -> String {
        func text(_ price: Int64?) -> String { price.map { Price(rawValue: $0).formatted(decimals: 5) } ?? "#" }
        return "\(bid ?? text(tick.bid))|\(text(tick.ask))|\((tick.time + error) / UTCNanos.perMillisecond)"
    }

    // MARK: What goes wrong now

    /// Ends an item's subscription and refuses it for a while.
    public mutating func unsubscribe(_ item: Int, refusedFor seconds: Double) {
        refusedUntil[item] = now + Int64(seconds * 1e9)
        for number in subscriptions.keys.sorted() where subscriptions[number]?.item == item {
            subscriptions[number] = nil
            data("UNSUB,\(number)")
        }
    }

    /// Ends an item's last subscription, whether it goes on or not, grants it unasked and ends it once more.
    public mutating func storm(_ item: Int) {
        guard let number = lastNumber[item] else { return }
        subscriptions[number] = nil
        for word in ["UNSUB,\(number)", "SUBOK,\(number),1,3", "UNSUB,\(number)"] { data(word) }
    }

    /// - Parameter frequency: `nil`: no limit any more.
    public mutating func limit(_ item: Int, _ frequency: Double?) {
        for number in subscriptions.keys.sorted() where subscriptions[number]?.item == item {
            subscriptions[number]?.limit = frequency
            data("CONF,\(number),\(frequency.map { "\($0)" } ?? "unlimited"),filtered")
        }
    }

    public mutating func freeze(_ item: Int) {
        for number in subscriptions.keys where subscriptions[number]?.item == item {
            subscriptions[number]?.isFrozen = true
        }
    }

    /// Drops the next tick of an item, and says so with a count.
    public mutating func lose(_ item: Int, count: String) {
        for number in subscriptions.keys.sorted() where subscriptions[number]?.item == item {
            data("OV,\(number),1,\(count)")
        }
    }

    /// Sends the ends of snapshots that were left out.
    public mutating func endSnapshots() {
        endsSnapshots = true
        for (number, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) where subscription.item >= 0 {
            data("EOS,\(number),1")
        }
    }

    public mutating func sendShortUpdate(_ item: Int) {
        guard let number = subscriptions.keys.sorted().first(where: { subscriptions[$0]?.item == item }) else { return }
        data("U,\(number),1,1.5")
    }

    public mutating func sendZombie() {
        data("SUBOK,77,1,3")
        data("U,77,1,1.1|1.2|\(now / UTCNanos.perMillisecond)")
    }

    public mutating func cut() {
        wantsCut = true
    }

    public mutating func forget() {
        isSessionAlive = false
        wantsCut = true
    }

    public mutating func end(code: Int) {
        line("END,\(code),Session closed")
        (isSessionAlive, isBound) = (false, false)
    }

    public mutating func loop() {
        guard isBound else { return }
        line("LOOP,0")
        isBound = false
    }

    // MARK: The wire

    public mutating func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    public mutating func connected() {
        (isConnected, wantsCut, isBound) = (true, false, false)
        output = []
    }

    public mutating func disconnected() {
        (isConnected, wantsCut, isBound) = (false, false, false)
        output = []
    }

    /// A data notification: counted, and kept for a recovery.
    private mutating func data(_ text: String) {
        guard isSessionAlive else { return }
        // Updates not sent during the silence are lost for good.
        guard silence == nil || !isBound else { return }
        log.append(text)
        if isBound { sendRest() }
    }

    private mutating func line(_ text: String) {
        guard isConnected, silence == nil || silence == .probes && text == "PROBE" else { return }
        output += Array((text + "\r\n").utf8)
        lastSent = now
    }

    private mutating func sendRest() {
        for text in log[sent...] { line(text) }
        sent = log.count
    }

    private mutating func keepAlive() {
        guard isConnected else { return }
        if silence == .endlessLine { return output.append(UInt8(ascii: "U")) }
        if now - lastSent >= 5 * Self.second { line("PROBE") }
    }

    // MARK: Requests

    public mutating func receive(_ message: [UInt8]) {
        let lines = String(decoding: message, as: UTF8.self).split(separator: "\r\n").map(String.init)
        switch lines.first {
        case "wsok": line("WSOK")
        case "create_session": create()
        case "bind_session": bind(Self.parameters(lines.dropFirst().first ?? ""))
        case "control": for request in lines.dropFirst() { control(Self.parameters(request)) }
        default: break
        }
    }

    private static func parameters(_ text: String) -> [String: String] {
        Dictionary(
            text.split(separator: "&").map { part in
                let halves = part.split(separator: "=", maxSplits: 1).map(String.init)
                return (halves[0], halves.count > 1 ? halves[1] : "")
            }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func create() {
        if let refusesSessions { return line("CONERR,\(refusesSessions),Refused") }
        session += 1
        (isSessionAlive, isBound, subscriptions, log, sent) = (true, true, [:], [], 0)
        line("CONOK,S\(session),50000,5000,*")
    }

    private mutating func bind(_ parameters: [String: String]) {
        guard isSessionAlive, parameters["LS_session"] == "S\(session)" else {
            return line("CONERR,20,Session not found")
        }
        let from = parameters["LS_recovery_from"].flatMap { Int($0) }
        if let from, refusesRecovery || from > log.count {
            isSessionAlive = false
            return line("CONERR,4,Position not kept")
        }
        line("CONOK,S\(session),50000,5000,*")
        isBound = true
        if let from {
            // A server may go back further than asked.
            let begin = max(0, from - Int.random(in: 0...3, using: &random))
            line("PROG,\(begin)")
            sent = begin
        }
        sendRest()
    }

    private mutating func control(_ parameters: [String: String]) {
        guard let request = parameters["LS_reqId"], let number = parameters["LS_subId"].flatMap({ Int($0) }) else {
            if parameters["LS_op"] == "destroy" { end(code: 31) }
            return
        }
        switch parameters["LS_op"] {
        case "add": add(number, request, parameters["LS_group"] ?? "")
        case "delete":
            guard subscriptions.removeValue(forKey: number) != nil else {
                return line("REQERR,\(request),19,Subscription not found")
            }
            line("REQOK,\(request)")
            data("UNSUB,\(number)")
        default: line("REQOK,\(request)")
        }
    }

    /// The item's last tick; a late one does not replace a newer one.
    private func state(of item: Int) -> Tick? {
        let newest = truth[item].map(\.time).max()
        return truth[item].last { $0.time == newest }
    }

    private mutating func add(_ number: Int, _ request: String, _ group: String) {
        let item = Self.pairs.firstIndex { group.contains($0.base + $0.quote) } ?? -1
        guard subscriptions[number] == nil else { return line("REQERR,\(request),65,LS_subId is in use") }
        guard now >= refusedUntil[item] ?? 0 else { return line("REQERR,\(request),-1,\(refusal)") }
        if cutsAfterAdd {
            cutsAfterAdd = false
            (wantsCut, isBound) = (true, false)
        } else {
            line("REQOK,\(request)")
        }
        subscriptions[number] = Subscription(item: item)
        lastNumber[item] = number
        data("SUBOK,\(number),\(subscribedItems),\(item < 0 ? 1 : 3)")
        data("CONF,\(number),unlimited,filtered")
        if item < 0 {
            let error = heartbeatError + nextHeartbeatError
            nextHeartbeatError = 0
            data("U,\(number),1,\((now / Self.second * Self.second + error) / 1_000_000)")
        } else {
            if let last = state(of: item) { data("U,\(number),1,\(Self.values(last, tickError))") }
            if endsSnapshots { data("EOS,\(number),1") }
        }
    }
}
