internal import Host
public import MarketData

/// How far apart the logins to an account are, of whatever program: the broker answers quicker ones from a cache, with
/// dead tokens. Source: `ig-api` § 2.8.
public struct LoginSpacing: Sendable {
    /// Between the attempts of two logins, ns.
    public let nanos: Int64
    /// What the programs share; `nil`: this one logs in alone.
    private let stateFolder: String?

    /// - Parameter stateFolder: of all programs that log in to the account; `nil`: there are no others.
    public init(seconds: Int, stateFolder: String?) {
        nanos = Int64(seconds) * UTCNanos.perSecond
        self.stateFolder = stateFolder
    }

    private var mark: TimeMark? { stateFolder.map(TimeMark.lastLogin) }

    /// How long ago the last attempt of any program was, ns; `nil` before the first. One in the future shows that the
    /// clock was set back: it may be of just now.
    public func age(now: UTCNanos) -> Int64? { mark?.time.map { max(0, now.rawValue - $0.rawValue) } }

    /// How long the next login must wait, ns: not at all if that is negative, or `nil` before the first.
    public func remaining(now: UTCNanos) -> Int64? { age(now: now).map { nanos - $0 } }

    /// A login is attempted now.
    public func noteAttempt() { mark?.set() }

    /// The broker will refuse every login until someone acts; `noteSuccess` takes it back.
    public func noteRefusal() { stateFolder.map(TimeMark.loginRefused)?.set() }

    public func noteSuccess() { stateFolder.map(TimeMark.loginRefused)?.remove() }
}
