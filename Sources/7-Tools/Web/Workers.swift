internal import Dispatch
internal import Host
internal import Synchronization

/// The threads that answer queries: each has a worker, and with it a database session. A bounded number of queries waits
/// for them. Any thread.
package final class Workers: Sendable {
    private typealias Query = @Sendable (Worker) -> Void

    private struct State {
        var waiting: [Query] = []
        var isIdle = [Bool](repeating: false, count: Workers.threadCount)
        var isOver = false
        /// Monotonic time at which each thread began its query; `nil`: it has none.
        var began = [Int64?](repeating: nil, count: Workers.threadCount)
    }

    /// Queries that may wait.
    package static let waitingLimit = 64
    private static let threadCount = 2

    private let queue = Queue()
    private let threads: [OwnThread]

    package init(_ facts: SiteFacts) {
        threads = (0..<Workers.threadCount).map { [queue] index in
            OwnThread {
                let worker = Worker(facts)
                while let query = queue.next(index, now: facts.clock.monotonic) { query(worker) }
            }
        }
    }

    /// Hands a query to the next thread that is free.
    /// - Returns: false if too many wait already.
    package func run(_ query: @escaping @Sendable (Worker) -> Void) -> Bool { queue.add(query) }

    /// Monotonic time at which the longest present query began; `nil` if there is none.
    package var oldestBegin: Int64? { queue.oldestBegin }

    /// Drops the queries that wait, and waits for the present ones.
    package func stop() {
        queue.end()
        for thread in threads { thread.join() }
    }

    private final class Queue: Sendable {
        private let state = Mutex(State())
        private let calls = (0..<Workers.threadCount).map { _ in DispatchSemaphore(value: 0) }

        var oldestBegin: Int64? { state.withLock { $0.began.compactMap { $0 }.min() } }

        /// Calls the first thread that is idle: while one is enough, its caches stay warm.
        func add(_ query: @escaping Query) -> Bool {
            let (isTaken, called) = state.withLock { state -> (Bool, Int?) in
                guard state.waiting.count < Workers.waitingLimit, !state.isOver else { return (false, nil) }
                state.waiting.append(query)
                let idle = state.isIdle.firstIndex(of: true)
                if let idle { state.isIdle[idle] = false }
                return (true, idle)
            }
            if let called { calls[called].signal() }
            return isTaken
        }

        /// Waits for a query.
        /// - Parameters:
        ///   - thread: which one asks.
        ///   - now: monotonic.
        /// - Returns: `nil` at the end.
        func next(_ thread: Int, now: () -> Int64) -> Query? {
            while true {
                let (query, isOver) = state.withLock { state -> (Query?, Bool) in
                    state.began[thread] = nil
                    guard !state.isOver, !state.waiting.isEmpty else {
                        state.isIdle[thread] = true
                        return (nil, state.isOver)
                    }
                    state.began[thread] = now()
                    return (state.waiting.removeFirst(), false)
                }
                if query != nil || isOver { return query }
                calls[thread].wait()
            }
        }

        func end() {
            state.withLock { ($0.isOver, $0.waiting) = (true, []) }
            for call in calls { call.signal() }
        }
    }
}
