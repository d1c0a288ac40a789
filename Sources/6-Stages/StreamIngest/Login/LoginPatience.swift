internal import Foundation
internal import Host
internal import IG
internal import IGClient
internal import Logging
internal import MarketData
internal import NIOConcurrencyHelpers
internal import TLCP

/// What the streaming session needs from a login.
struct StreamLogin: Sendable {
    let endpoint: Endpoint
    let account: String
    /// `CST-…|XST-…`. Source: `ig-api` § 9.2.
    let password: Secret
    /// The broker's clock at the login; `nil` if it did not say.
    let serverTime: UTCNanos?
    /// When that came.
    let monotonic: Int64
    /// `nil` if the broker did not name them.
    let limits: ApplicationLimits?
}

/// Logs in at the broker, patiently but never stubbornly: what cannot get better by trying again is thrown
/// at once (accounts get locked), the rest is tried again with growing pauses.
struct LoginPatience {
    private let login: @Sendable () throws -> StreamLogin
    private let clock: Clock
    private let logger: Logger
    private let spacing: LoginSpacing
    private var lastAttempt: Int64?
    /// Logins since the last one that led to a stream: each doubles the pause before the next.
    private var unproven = 0
    private var throttle = LogThrottle()
    /// Called at every turn of a wait: for the time of the next attempt, or (`nil`) for the broker's answer.
    var whileWaiting: (Pause?) -> Void = { _ in }
    /// Called when the broker refuses a login, for now or for good.
    var refused: () -> Void = {}

    /// A wait for the time of the next attempt.
    struct Pause {
        /// Rounded up.
        let secondsLeft: Int64
        /// How far apart logins keep, if that is the reason; else the broker failed.
        let secondsApart: Int64?

        /// For the person who waits.
        var text: String {
            let next = "waiting for the broker: next login in \(secondsLeft) s"
            return secondsApart.map { "\(next), since logins keep \($0) s apart" }
                ?? "\(next), since the last one failed"
        }
    }

    /// The longest pause before another login, or another try of one.
    private static let pauseMax = 1_800 * UTCNanos.perSecond

    /// - Parameter spacing: knows the attempts of earlier processes too.
    init(
        spacing: LoginSpacing, clock: Clock, logger: Logger, login: @escaping @Sendable () throws -> StreamLogin
    ) {
        self.login = login
        self.clock = clock
        self.logger = logger
        self.spacing = spacing
    }

    /// The last login led to a stream.
    mutating func succeeded() { unproven = 0 }

    /// - Parameter isOver: whether the login is not wanted any more.
    /// - Returns: `nil` where a stop was asked for before it succeeded, or it is over.
    /// - Throws: `Failure` (78) where trying again cannot help.
    mutating func run(until stop: StopSignal, isOver: () -> Bool) throws -> StreamLogin? {
        var pause = 2 * UTCNanos.perSecond
        // Another program may have logged in meanwhile.
        if let age = spacing.age(now: clock.now()) { lastAttempt = max(lastAttempt ?? .min, clock.monotonic() - age) }
        if let lastAttempt {
            let doubled = min(spacing.nanos << Int64(min(max(unproven - 1, 0), 10)), Self.pauseMax)
            let distance = max(doubled, spacing.nanos)
            guard wait(until: lastAttempt + distance, apart: distance, stop, isOver) else { return nil }
        }
        unproven += 1
        while true {
            var floor = spacing.nanos
            do {
                lastAttempt = clock.monotonic()
                spacing.noteAttempt()
                let login = try attempt(stop)
                if login != nil { spacing.noteSuccess() }
                return login
            } catch let failure as Failure where failure.code == .configuration {
                refused()
                spacing.noteRefusal()
                throw failure
            } catch {
                // A broker that was not reached has not counted the attempt.
                if let refusal = error as? RESTError, case .transport = refusal.cause { floor = 0 } else { refused() }
                throttle.warn(
                    "Login failed, trying again until it succeeds", ["error": "\(error)"], now: clock.monotonic(),
                    logger)
            }
            var random = SystemRandomNumberGenerator()
            let jittered = max(floor, Int64.random(in: (pause / 2)...pause, using: &random))
            guard wait(until: clock.monotonic() + jittered, apart: nil, stop, isOver) else { return nil }
            pause = min(pause * 2, 300 * UTCNanos.perSecond)
        }
    }

    /// One login on a thread of its own, so that a broker which does not answer cannot delay the stop.
    private func attempt(_ stop: StopSignal) throws -> StreamLogin? {
        let outcome = NIOLockedValueBox<Result<StreamLogin, any Error>?>(nil)
        let login = login
        Thread.detachNewThread {
            let result = Result { try login() }
            outcome.withLockedValue { $0 = result }
        }
        while !stop.wait(milliseconds: 20) {
            if let result = outcome.withLockedValue({ $0 }) { return try result.get() }
            whileWaiting(nil)
        }
        return nil
    }

    /// - Parameter apart: how far apart logins keep, ns, if this is the reason of the wait.
    private func wait(
        until moment: Int64, apart: Int64?, _ stop: StopSignal, _ isOver: () -> Bool
    ) -> Bool {
        let apart = apart.map { $0 / UTCNanos.perSecond }
        let secondsLeft = { (left: Int64) in (left + UTCNanos.perSecond - 1) / UTCNanos.perSecond }
        if let apart, case let left = moment - clock.monotonic(), left > 0 {
            logger.notice(
                "Logins keep apart: waiting before the next",
                metadata: ["apartSeconds": "\(apart)", "leftSeconds": "\(secondsLeft(left))"])
        }
        while case let left = moment - clock.monotonic(), left > 0 {
            whileWaiting(Pause(secondsLeft: secondsLeft(left), secondsApart: apart))
            if stop.wait(milliseconds: Int32(min(left / UTCNanos.perMillisecond + 1, 100))) || isOver() { return false }
        }
        return !stop.isRaised
    }
}
