public import MarketData

/// How far apart the logins to an account are, of whatever program: the broker answers quicker ones from a cache, with
/// dead tokens. Source: `ig-api` § 2.8.
public struct LoginSpacing: Sendable {
    /// Between the attempts of two logins, ns.
    public let nanos: Int64
    /// What the programs share; `nil`: this one logs in alone.
    private let mark: LoginMark?

    /// - Parameter stateFolder: of all programs that log in to the account; `nil`: there are no others.
    public init(seconds: Int, stateFolder: String?) {
        nanos = Int64(seconds) * UTCNanos.perSecond
        mark = stateFolder.map(LoginMark.init)
    }

    /// How long ago the last attempt of any program was, ns; `nil` before the first.
    public func age(now: UTCNanos) -> Int64? { mark?.age(now: now) }

    /// How long the next login must wait, ns: not at all if that is negative, or `nil` before the first.
    public func remaining(now: UTCNanos) -> Int64? { age(now: now).map { nanos - $0 } }

    /// A login is attempted now.
    public func noteAttempt() { mark?.set() }
}
