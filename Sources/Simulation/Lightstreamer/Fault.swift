/// Something that goes wrong on request, as it does at the real broker. One word, or `word=value`.
public enum Fault: Hashable, Sendable {
    /// Cuts every stream connection: now (0), or behind the n-th data notification of each session.
    case cut(after: Int)
    /// Cuts each session every n data notifications.
    case cutEvery(Int)
    /// The same, with half of the last frame sent.
    case cutFrameEvery(Int)
    /// `LOOP` to each session every n data notifications, between two of a burst.
    case loopEvery(Int)
    /// Every connection sends so many bytes a millisecond, until `clear`. Meant for finite speeds.
    case slow(bytes: Int)
    /// An orderly close of every stream connection without `END` or `LOOP`; the sessions wait to be recovered.
    case close
    /// No data, with or without `PROBE`s, until `clear`.
    case silence(probes: Bool)
    /// One item sends nothing more, until `clear`.
    case silentItem(String)
    case end(code: Int)
    /// Cuts every stream connection and forgets its session, as a server does that starts again.
    case forget
    case refuseEpic(String)
    case refuseWebSocket
    /// Every `create_session` is answered by this `CONERR` code.
    case refuseCreate(code: Int)
    /// Logins are refused as in the weekend's maintenance. Source: ig-api § 10.
    case refuseLogin
    /// So many logins are answered out of a cache, with tokens that are dead. Source: ig-api § 2.8.
    case staleLogins(Int)
    /// So many prices requests are refused by this status and `errorCode`. Source: ig-api § 7.
    case refusePrices(count: Int, status: Int, code: String)
    /// So many prices requests are paid, and the connection closes without an answer.
    case losePrices(Int)
    /// Every bind with `LS_recovery_from` is answered by this `CONERR` code.
    case refuseRecovery(code: Int)
    /// `PROG` this much lower than asked.
    case progressBack(Int)
    case loop
    case expireTokens
    /// `OV` with this count for every subscribed item.
    case lost(Int)
    /// Puts back every lasting fault.
    case clear

    /// What `--fault` and the REST path take, with an explanation each.
    public static let syntax = """
        cut                    cut every stream connection now
        cut=N                  cut each session once, behind its N-th data line
        cut-every=N            cut each session every N data lines
        cut-frame-every=N      the same, in the middle of a frame
        loop-every=N           LOOP to each session every N data lines
        slow=N                 N bytes a millisecond on each connection, cut anywhere
        close                  close every stream connection in order, without END
        silence                no data, PROBEs only
        silence=noprobe        no byte at all while TCP stays open
        silent-item=ITEM       one item sends nothing more
        end=CODE               END with this code to every session; 0 and below: no cause is named
        forget                 cut every stream connection and forget its session
        refuse-epic=EPIC       REQERR -1 Invalid account type
        refuse-websocket       the upgrade is refused, so clients fall back to HTTP
        refuse-create=CODE     create_session is answered by this CONERR
        refuse-login           logins get 401, as in the weekend's maintenance
        stale-logins=N         N logins bring dead tokens, as out of a cache
        refuse-prices=N:STATUS:CODE
                               N prices requests get this HTTP status and errorCode
        lose-prices=N          N prices requests are paid and never answered
        refuse-recovery=CODE   recovery is answered by CONERR 4 or 20
        prog-back=N            PROG is N lower than asked
        loop                   LOOP to every session now
        expire-tokens          every REST and stream token dies; streams run on
        lost=N                 OV with N for every subscribed item
        clear                  end every lasting fault
        """

    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard let word = parts.first else { return nil }
        let value = parts.count > 1 ? parts[1] : nil
        let number = value.flatMap { Int($0) }
        switch (word, value, number) {
        case ("cut", nil, _): self = .cut(after: 0)
        case ("cut", _, let count?) where count > 0: self = .cut(after: count)
        case ("cut-every", _, let count?) where count > 0: self = .cutEvery(count)
        case ("cut-frame-every", _, let count?) where count > 0: self = .cutFrameEvery(count)
        case ("loop-every", _, let count?) where count > 0: self = .loopEvery(count)
        case ("slow", _, let count?) where count > 0: self = .slow(bytes: count)
        case ("close", nil, _): self = .close
        case ("silence", nil, _): self = .silence(probes: true)
        case ("silence", "noprobe", _): self = .silence(probes: false)
        case ("silent-item", let item?, _): self = .silentItem(item)
        case ("end", _, let code?): self = .end(code: code)
        case ("forget", nil, _): self = .forget
        case ("refuse-epic", let epic?, _): self = .refuseEpic(epic)
        case ("refuse-websocket", nil, _): self = .refuseWebSocket
        case ("refuse-create", _, let code?): self = .refuseCreate(code: code)
        case ("refuse-login", nil, _): self = .refuseLogin
        case ("stale-logins", _, let count?) where count > 0: self = .staleLogins(count)
        case ("lose-prices", _, let count?) where count > 0: self = .losePrices(count)
        case ("refuse-prices", let told?, _):
            let parts = told.split(separator: ":", maxSplits: 2)
            guard parts.count == 3, let count = Int(parts[0]), count > 0, let status = Int(parts[1]),
                (400...599).contains(status)
            else { return nil }
            self = .refusePrices(count: count, status: status, code: String(parts[2]))
        case ("refuse-recovery", _, let code?): self = .refuseRecovery(code: code)
        case ("prog-back", _, let count?) where count > 0: self = .progressBack(count)
        case ("loop", nil, _): self = .loop
        case ("expire-tokens", nil, _): self = .expireTokens
        case ("lost", _, let count?) where count > 0: self = .lost(count)
        case ("clear", nil, _): self = .clear
        default: return nil
        }
    }
}
