internal import Glibc
internal import Host
internal import Synchronization

/// A thread that runs a body once.
final class OwnThread: Sendable {
    private let body: @Sendable () -> Void
    private let thread = Mutex<pthread_t?>(nil)

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        start()
    }

    func join() {
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let started { pthread_join(started, nil) }
    }

    private func start() {
        var started = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &started, nil,
            { context in
                Unmanaged<OwnThread>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        precondition(code == 0, "no thread can be started: \(systemMessage(code))")
        thread.withLock { $0 = started }
    }
}
