/// One word of the language of faults: how its value is written, what it does, how it is read.
struct FaultWord: Sendable {
    let word: String
    /// The text behind `=` in the help; `nil`: no value.
    let value: String?
    let meaning: String
    /// - Returns: `nil` when the value is not a possible one.
    let read: @Sendable (String) -> Fault?

    init(_ word: String, _ value: String? = nil, _ meaning: String, read: @escaping @Sendable (String) -> Fault?) {
        self.word = word
        self.value = value
        self.meaning = meaning
        self.read = read
    }

    /// A word without a value.
    init(_ word: String, _ meaning: String, _ fault: Fault) {
        self.init(word, nil, meaning) { _ in fault }
    }

    /// A word whose value is a whole number above 0.
    init(_ word: String, count value: String, _ meaning: String, _ make: @escaping @Sendable (Int) -> Fault) {
        self.init(word, value, meaning) { Int($0).flatMap { (1...1_000_000_000).contains($0) ? make($0) : nil } }
    }

    /// A word whose value is any whole number.
    init(_ word: String, number value: String, _ meaning: String, _ make: @escaping @Sendable (Int) -> Fault) {
        self.init(word, value, meaning) {
            Int($0).flatMap { (-1_000_000_000...1_000_000_000).contains($0) ? make($0) : nil }
        }
    }

    /// The word's lines of the help.
    var help: String {
        let form = value.map { "\(word)=\($0)" } ?? word
        let indent = String(repeating: " ", count: FaultWord.column)
        let text = FaultWord.lines(of: meaning).joined(separator: "\n" + indent)
        guard form.count < FaultWord.column else { return form + "\n" + indent + text }
        return form + indent.dropFirst(form.count) + text
    }

    /// A text in lines that, with their column, fit a terminal of 80 columns.
    private static func lines(of text: String) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, last.count + 1 + word.count <= 76 - column {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// The column of the meanings.
    private static let column = 23

    static let all = connections + items + refusals + market + rest

    private static let connections: [FaultWord] = [
        FaultWord("cut", "cut every stream connection now", .cut(after: 0)),
        FaultWord("cut", count: "N", "cut each session once, behind its N-th data line") { .cut(after: $0) },
        FaultWord("cut-every", count: "N", "cut each session every N data lines") { .cutEvery($0) },
        FaultWord("cut-frame-every", count: "N", "the same, in the middle of a frame") { .cutFrameEvery($0) },
        FaultWord("loop", "LOOP to every session now", .loop),
        FaultWord("loop-every", count: "N", "LOOP to each session every N data lines") { .loopEvery($0) },
        FaultWord("slow", count: "N", "N bytes a millisecond on each connection, cut anywhere") { .slow(bytes: $0) },
        FaultWord(
            "jitter", count: "MILLISECONDS",
            """
            on each connection bytes stop for up to this long, at random; what
            comes meanwhile leaves with them, in order
            """
        ) { .jitter(millis: $0) },
        FaultWord(
            "outage", count: "SECONDS",
            "cut every stream connection; for SECONDS real seconds each new\nconnection closes at once"
        ) { .outage(seconds: $0) },
        FaultWord("close", "close every stream connection in order, without END", .close),
        FaultWord("end", number: "CODE", "END with this code to every session; 0 and below: without a cause") {
            .end(code: $0)
        },
        FaultWord("forget", "cut every stream connection and forget its session", .forget),
        FaultWord("silence", "no data, PROBEs only", .silence(probes: true)),
        FaultWord("silence", "noprobe", "no byte at all while TCP stays open") {
            $0 == "noprobe" ? .silence(probes: false) : nil
        },
        FaultWord(
            "endless-line", "each stream sends a line that never ends, 10 bytes every 100 ms",
            .endlessLine(bytes: 10)),
        FaultWord("endless-line", count: "N", "the same with N bytes, at most 16000") {
            .endlessLine(bytes: min($0, 16_000))
        },
    ]

    private static let items: [FaultWord] = [
        FaultWord("silent-item", "ITEM", "one item sends nothing more") { .silentItem($0) },
        FaultWord(
            "unsubscribe", "EPIC[:SECONDS]",
            """
            UNSUB for every subscription with this epic, or for all if EPIC is
            `all`; REQERR -1 refuses new ones for SECONDS real seconds (0: no time;
            without SECONDS: until `clear`)
            """, read: readUnsubscribe),
        FaultWord(
            "filter", "EPIC:FREQUENCY",
            """
            CONF with this frequency; more updates a second of market time, such as
            0.1, are silently dropped (DISTINCT) or merged (MERGE)
            """, read: readFilter),
        FaultWord("unfilter", "EPIC", "CONF with `unlimited`: ends `filter`") { .unfilter(epic: $0) },
        FaultWord("drop", count: "N", "every N-th update of each tick item is lost; nothing on the wire shows it") {
            .drop(every: $0)
        },
        FaultWord("lost", count: "N", "OV with N for every subscribed item") { .lost($0) },
        FaultWord("short-update", "the next update of each session has a field too few", .shortUpdate),
        FaultWord(
            "zombie",
            "each session gets SUBOK and updates of a subscription that its\nclient never made, until it deletes it",
            .zombie),
    ]

    private static let refusals: [FaultWord] = [
        FaultWord("refuse-epic", "EPIC", "REQERR -1 Invalid account type") { .refuseEpic($0) },
        FaultWord("refuse-websocket", "the upgrade is refused, so clients fall back to HTTP", .refuseWebSocket),
        FaultWord("protocol-max", "VERSION", "CONERR 65 to newer versions of TLCP; 2.4.0 refuses 2.5.0") {
            ProtocolVersion($0).map { .protocolMax($0) }
        },
        FaultWord("refuse-create", number: "CODE", "create_session is answered by this CONERR") {
            .refuseCreate(code: $0)
        },
        FaultWord("refuse-recovery", number: "CODE", "recovery is answered by CONERR 4 or 20") {
            .refuseRecovery(code: $0)
        },
        FaultWord("prog-back", count: "N", "PROG is N lower than requested") { .progressBack($0) },
    ]

    private static let market: [FaultWord] = [
        FaultWord(
            "clock-ahead", number: "MILLISECONDS",
            "UTM of ticks, and candles with their history, follow a clock this far\nahead (IG: 1400); the heartbeat does not"
        ) { .market(.clockAhead(millis: $0)) },
        FaultWord("clock-drift", number: "PPM", "that clock runs too fast by this many millionths from now on") {
            .market(.clockDrift(perMillion: $0))
        },
        FaultWord("wrong-heartbeat", number: "SECONDS", "the next heartbeat is wrong by this much") {
            .market(.wrongHeartbeat(seconds: $0))
        },
        FaultWord("wrong-tick", number: "SECONDS", "UTM of the next tick of each pair is wrong by this much") {
            .market(.wrongTick(seconds: $0))
        },
        FaultWord("heartbeat-shift", number: "SECONDS", "every heartbeat is wrong by this much") {
            .market(.heartbeatShift(seconds: $0))
        },
        FaultWord("tick-shift", number: "SECONDS", "UTM of every tick is wrong by this much") {
            .market(.tickShift(seconds: $0))
        },
        FaultWord(
            "one-sided", count: "N",
            """
            one tick in N (IG: 40), chosen by its time, lacks the offer (6 of 8),
            the bid (1 of 8) or both; candles and history take what it brings
            """
        ) { .market(.oneSided(every: $0)) },
        FaultWord("repeat-ticks", count: "N", "every N-th tick of a pair is sent twice") {
            .market(.repeatTicks(every: $0))
        },
        FaultWord("merged-candles", "candle updates come once a second, at the whole second", .market(.mergedCandles)),
        FaultWord("resend-candles", "a complete candle comes again a second later", .market(.resendCandles)),
        FaultWord("old-candles", "the snapshot of a candle item is the candle before the newest", .market(.oldCandles)),
        FaultWord("strip-zeros", "prices lose trailing zeros: 13359 for 13359.0", .market(.stripZeros)),
    ]

    private static let rest: [FaultWord] = [
        FaultWord("expire-tokens", "every REST and stream token dies; streams run on", .rest(.expireTokens)),
        FaultWord("refuse-login", "logins get 401, as in the weekend's maintenance", .rest(.refuseLogin)),
        FaultWord("stale-logins", count: "N", "N logins bring dead tokens, as out of a cache") {
            .rest(.staleLogins($0))
        },
        FaultWord("login-ends-stream", "each login ends every stream with END 32", .rest(.loginEndsStream(code: 32))),
        FaultWord("login-ends-stream", number: "CODE", "the same with this code") { .rest(.loginEndsStream(code: $0)) },
        FaultWord(
            "refuse-prices", "N:STATUS:CODE", "N prices requests get this HTTP status and errorCode",
            read: readRefusedPrices),
        FaultWord("lose-prices", count: "N", "N prices requests are paid and never answered") {
            .rest(.losePrices($0))
        },
        FaultWord("points", "N", "this many points of history are left; `clear` restores all") {
            Int($0).flatMap { (0...1_000_000_000).contains($0) ? .rest(.points($0)) : nil }
        },
        FaultWord(
            "requests-per-minute", "N:N", "limits for the account and the key; 10:20 is demo", read: readPerMinute),
        FaultWord(
            "close-idle", count: "SECONDS",
            "a connection that was idle for this long closes at its next\nrequest, unanswered"
        ) { .rest(.closeIdle(seconds: $0)) },
        FaultWord("candle-price", count: "N", "a candle of history costs N points") {
            .rest(.strange(.candlePrice($0)))
        },
        FaultWord("allowance-expiry", count: "SECONDS", "the allowance is renewed this late") {
            .rest(.strange(.expiry($0)))
        },
        FaultWord("history-shift", number: "SECONDS", "candles of this much earlier than requested") {
            .rest(.strange(.historyShift($0)))
        },
        FaultWord(
            "swapped-candles", "high and low of each candle of history are swapped", .rest(.strange(.swappedCandles))),
        FaultWord("no-application", "GET /operations/application is not found", .rest(.strange(.noApplication))),
    ]

    private static func readUnsubscribe(_ text: String) -> Fault? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else { return nil }
        let epic = parts[0] == "all" ? nil : String(parts[0])
        guard parts.count == 2 else { return .unsubscribe(epic: epic, seconds: nil) }
        guard let seconds = Int(parts[1]), (0...1_000_000_000).contains(seconds) else { return nil }
        return .unsubscribe(epic: epic, seconds: seconds)
    }

    private static func readFilter(_ text: String) -> Fault? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let limit = FrequencyLimit(parts[1]) else { return nil }
        return .filter(epic: String(parts[0]), limit)
    }

    private static func readRefusedPrices(_ text: String) -> Fault? {
        let parts = text.split(separator: ":", maxSplits: 2)
        guard parts.count == 3, let count = Int(parts[0]), count > 0, let status = Int(parts[1]),
            (400...599).contains(status)
        else { return nil }
        return .rest(.refusePrices(count: count, status: status, code: String(parts[2])))
    }

    private static func readPerMinute(_ text: String) -> Fault? {
        let counts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard counts.count == 2, counts.allSatisfy({ $0 > 0 }) else { return nil }
        return .rest(.requestsPerMinute(account: counts[0], key: counts[1]))
    }
}

extension Fault {
    /// The words of `--fault` and of the REST path, with an explanation each.
    public static var syntax: String {
        let end = FaultWord("clear", "end every lasting fault", .clear)
        return (FaultWord.all + [end]).map(\.help).joined(separator: "\n")
    }

    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count > 1 ? parts[1] : nil
        guard value != "" else { return nil }
        let known = FaultWord.all.first { $0.word == parts[0] && ($0.value == nil) == (value == nil) }
        if let fault = known?.read(value ?? "") {
            self = fault
        } else if text == "clear" {
            self = .clear
        } else {
            return nil
        }
    }
}
