internal import Foundation
internal import NIOConcurrencyHelpers

/// What the data thread lets the supervising thread know: that it needs a login, that the last one led to a stream, that
/// it cannot go on, that it has stopped; and in return how many logins the broker refused. A lock, not a queue: there is
/// at most one of each.
final class SupervisorMailbox: Sendable {
    private let isAsked = NIOLockedValueBox(false)
    private let isProven = NIOLockedValueBox(false)
    private let firstFailure = NIOLockedValueBox<(any Error)?>(nil)
    private let refusals = NIOLockedValueBox<UInt64>(0)
    private let end = ConditionLock(value: false)

    /// The data thread needs new tokens.
    func askForLogin() { isAsked.withLockedValue { $0 = true } }

    /// The last login led to a stream.
    func proven() { isProven.withLockedValue { $0 = true } }

    /// Whether a stream has come of a login since the last call.
    func takeProof() -> Bool {
        isProven.withLockedValue { isProven in
            defer { isProven = false }
            return isProven
        }
    }

    /// The broker refused a login.
    func noteRefusedLogin() { refusals.withLockedValue { $0 += 1 } }

    /// Logins that the broker refused since the process started.
    var refusedLogins: UInt64 { refusals.withLockedValue { $0 } }

    /// The data thread cannot go on.
    func fail(_ error: any Error) {
        firstFailure.withLockedValue { $0 = $0 ?? error }
        finish()
    }

    /// The data thread has stopped.
    func finish() {
        end.lock()
        end.unlock(withValue: true)
    }

    var failure: (any Error)? { firstFailure.withLockedValue { $0 } }

    /// Takes the request, if there is one.
    func takeRequest() -> Bool {
        isAsked.withLockedValue { isAsked in
            defer { isAsked = false }
            return isAsked
        }
    }

    /// Waits until the data thread has stopped, at most so long.
    func waitForEnd(seconds: Double) {
        if end.lock(whenValue: true, timeoutSeconds: seconds) { end.unlock() }
    }
}
