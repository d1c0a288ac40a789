internal import CPlatform
internal import Glibc
package import Host
package import Logging
internal import MarketData
internal import Reports
internal import Synchronization

/// Sends one message after the other over one way, on a thread of its own, so that a slow receiver delays nothing else.
///
/// At most one message waits: what comes meanwhile is put together with it. A message that cannot be sent is tried again,
/// after pauses that grow.
package final class Courier: Sendable {
    package struct Pauses: Sendable {
        var first: Duration
        var longest: Duration

        package init(first: Duration = .seconds(1), longest: Duration = .seconds(300)) {
            (self.first, self.longest) = (first, longest)
        }

        /// After so many failures in a row.
        func after(_ failures: Int) -> Duration { min(longest, first * (1 << min(20, max(0, failures - 1)))) }
    }

    private struct State {
        var waiting: Notice?
        var sending: Notice?
    }

    package let way: any Way
    private let state = Mutex(State())
    private let isStopping = Atomic(false)
    private let isDone = Atomic(false)
    /// Wakes the thread, and the thread that waits for its end.
    private let wake: Int32
    private let done: Int32
    /// `nil`: what fails is dropped.
    private let pauses: Pauses?
    private let clock: Clock
    private let logger: Logger

    /// - Parameter pauses: between tries; `nil`: a message is tried once.
    package init(_ way: any Way, pauses: Pauses?, clock: Clock, logger: Logger) {
        (self.way, self.pauses, self.clock, self.logger) = (way, pauses, clock, logger)
        wake = candlewick_wake_descriptor()
        done = candlewick_wake_descriptor()
    }

    deinit {
        close(wake)
        close(done)
    }

    /// - Throws: `Failure` (74) if no thread can be made.
    package func start() throws {
        let unmanaged = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Courier>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, unmanaged.toOpaque())
        guard code == 0 else {
            unmanaged.release()
            throw Failure(.io, "a thread for \(way.name) cannot be made: \(systemMessage(code))")
        }
        pthread_detach(thread)
    }

    /// Takes a message; returns at once.
    package func post(_ notice: Notice) {
        state.withLock { $0.waiting = $0.waiting.map { $0.followed(by: notice) } ?? notice }
        candlewick_wake(wake)
    }

    /// What has not gone out is not to be sent any more.
    package func withdraw() { state.withLock { $0.waiting = nil } }

    /// What has not gone out yet, or nobody knows whether it has; `nil` if everything has.
    package var pending: Notice? {
        state.withLock { state in
            guard let sending = state.sending else { return state.waiting }
            return state.waiting.map(sending.followed(by:)) ?? sending
        }
    }

    /// Asks the thread to end. What is being sent is given up.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        candlewick_wake(wake)
    }

    /// Waits for the end of the thread, at most so long. A program that it waits for may run on: `timeout` ends that.
    package func waitForEnd(milliseconds: Int32) {
        var request = pollfd(fd: done, events: Int16(POLLIN), revents: 0)
        if !isDone.load(ordering: .acquiring) { poll(&request, 1, milliseconds) }
    }

    // MARK: The thread

    private func run() {
        var failures = 0
        while !isStopping.load(ordering: .acquiring) {
            guard let notice = take() else {
                rest(milliseconds: -1)
                continue
            }
            guard let reason = way.send(notice, isCancelled: { self.isStopping.load(ordering: .acquiring) }) else {
                state.withLock { $0.sending = nil }
                if failures > 0 { logger.notice("Receiver takes messages again", metadata: ["way": "\(way.name)"]) }
                failures = 0
                continue
            }
            failures += 1
            putBack()
            if isStopping.load(ordering: .acquiring) { break }
            pause(failures, reason)
        }
        isDone.store(true, ordering: .releasing)
        candlewick_wake(done)
    }

    private func take() -> Notice? {
        state.withLock { state in
            (state.sending, state.waiting) = (state.waiting, nil)
            return state.sending
        }
    }

    private func putBack() {
        state.withLock { state in
            defer { state.sending = nil }
            guard pauses != nil, let sending = state.sending else { return }
            state.waiting = state.waiting.map(sending.followed(by:)) ?? sending
        }
    }

    private func pause(_ failures: Int, _ reason: String) {
        guard let pauses else {
            return logger.warning("Message not taken", metadata: ["way": "\(way.name)", "reason": "\(reason)"])
        }
        let pause = pauses.after(failures)
        logger.warning(
            "Message not taken, trying again",
            metadata: ["way": "\(way.name)", "reason": "\(reason)", "pause": "\(pause.wholeSeconds)"])
        // A new message does not shorten it: the receiver is spared.
        let end = clock.monotonic() + pause.nanoseconds
        while !isStopping.load(ordering: .acquiring), case let left = end - clock.monotonic(), left > 0 {
            rest(milliseconds: Int32(clamping: left / UTCNanos.perMillisecond + 1))
        }
    }

    /// Until something wakes it.
    private func rest(milliseconds: Int32) {
        var request = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, milliseconds) > 0 else { return }
        var count: UInt64 = 0
        _ = read(wake, &count, 8)
    }
}
