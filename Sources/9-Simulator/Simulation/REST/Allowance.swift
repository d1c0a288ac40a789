/// The remaining allowance of a client: points of history in a week, requests in a minute. Takes the time
/// (monotonic nanoseconds). Source: ig-api §§ 3.7, 8.
struct Allowance {
    /// History points in a window of a week that begins with the first use.
    let points: Int
    /// Requests in any 60 s for the account; `nil`: unlimited.
    var accountPerMinute: Int?
    /// Requests in any 60 s for the API key; `nil`: unlimited.
    var keyPerMinute: Int?
    private(set) var remaining: Int
    private var windowStart: Int64?
    private var recent: [Int64] = []
    private var head = 0

    static let weekSeconds: Int64 = 604_800
    private static let second: Int64 = 1_000_000_000

    init(points: Int, accountPerMinute: Int?, keyPerMinute: Int?) {
        self.points = points
        self.accountPerMinute = accountPerMinute
        self.keyPerMinute = keyPerMinute
        remaining = points
    }

    /// Counts one request.
    mutating func countRequest(at now: Int64) throws(RESTError) {
        while head < recent.count, recent[head] <= now - 60 * Allowance.second { head += 1 }
        if head > 4_096 {
            recent.removeFirst(head)
            head = 0
        }
        let count = recent.count - head
        if let accountPerMinute, count >= accountPerMinute {
            throw RESTError(status: 403, code: "error.public-api.exceeded-account-allowance")
        }
        if let keyPerMinute, count >= keyPerMinute {
            throw RESTError(status: 403, code: "error.public-api.exceeded-api-key-allowance")
        }
        guard accountPerMinute != nil || keyPerMinute != nil else { return }
        recent.append(now)
    }

    /// Changes what is left of the week's points: a fault.
    mutating func leave(_ count: Int) { remaining = min(points, count) }

    /// Refuses when nothing is left.
    mutating func admitHistory(at now: Int64) throws(RESTError) {
        renew(at: now)
        guard remaining > 0 else {
            throw RESTError(status: 403, code: "error.public-api.exceeded-account-historical-data-allowance")
        }
    }

    /// Pays for rows that are about to be returned.
    /// - Returns: false if they cost more than is left; nothing is paid then.
    mutating func pay(_ rows: Int, at now: Int64) -> Bool {
        renew(at: now)
        guard rows <= remaining else { return false }
        if rows > 0, windowStart == nil { windowStart = now }
        remaining -= rows
        return true
    }

    /// Seconds until the points are renewed.
    func expirySeconds(at now: Int64) -> Int64 {
        guard let windowStart else { return Allowance.weekSeconds }
        return max(0, Allowance.weekSeconds - (now - windowStart) / Allowance.second)
    }

    /// - Parameter expiry: sent in place of the truth: a fault.
    func json(at now: Int64, expiry: Int? = nil) -> JSON {
        [
            "remainingAllowance": .integer(remaining), "totalAllowance": .integer(points),
            "allowanceExpiry": .integer(expiry ?? Int(expirySeconds(at: now))),
        ]
    }

    private mutating func renew(at now: Int64) {
        guard let start = windowStart, now - start >= Allowance.weekSeconds * Allowance.second else { return }
        windowStart = nil
        remaining = points
    }
}
