internal import CPlatform
internal import Glibc
internal import Host
internal import Synchronization

/// Forces written bytes to the disk from a thread of its own, so that an append never waits for it
/// (measured: worst append 67 µs against 3.9 ms with the sync in line).
final class JournalSyncer: Sendable {
    private struct State {
        /// Our own duplicates of the writer's descriptors; the last is the current segment.
        var files: [Int32] = []
        var folder: Int32 = -1
        /// Of the journal's mark.
        var mark: Int32 = -1
        /// A file was made since the folder was last synced: retention has something to do, too.
        var folderIsDirty = false
        var stopping = false
        var thread: pthread_t?
    }

    private let state = Mutex(State())
    /// Held while files are synced and closed: by the thread, or by another one that cannot wait for it.
    private let syncing = Mutex(())
    private let dirty = Atomic<Bool>(false)
    private let failure = Atomic<Int32>(0)
    private let duration = Atomic<Int64>(0)
    /// Wakes the thread early.
    private let wake: Int32
    private let milliseconds: Int32
    /// Called after new files were synced.
    private let fileAdded: @Sendable () -> Void

    init(milliseconds: Int, fileAdded: @escaping @Sendable () -> Void) {
        self.milliseconds = Int32(milliseconds)
        self.fileAdded = fileAdded
        wake = candlewick_wake_descriptor()
    }

    /// So many files may wait for their sync: a process has few descriptors.
    private static let fileLimit = 32

    /// The journal's current file; the ones before stay until they are synced. Where a journal rolls faster than that, as
    /// in an import of years, it syncs them itself.
    func watch(_ descriptor: Int32, folder: String) {
        if state.withLock({ $0.files.count }) >= JournalSyncer.fileLimit { syncAll() }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        let start = state.withLock { state in
            state.files.append(copy)
            state.folderIsDirty = true
            if state.folder < 0 { state.folder = open(folder, O_RDONLY | O_CLOEXEC) }
            return state.thread == nil
        }
        dirty.store(true, ordering: .releasing)
        if start { startThread() }
    }

    /// The journal's mark is made durable with the records that it is behind.
    func watch(mark descriptor: Int32) {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        if copy < 0 { failure.store(errno, ordering: .relaxed) }
        state.withLock { $0.mark = copy }
    }

    /// Something was written.
    /// - Returns: the error number of a sync that failed since; the disk can no longer be trusted.
    func noteWrite() -> Int32? {
        dirty.store(true, ordering: .releasing)
        let code = failure.load(ordering: .relaxed)
        return code == 0 ? nil : code
    }

    /// Syncs what was written before, on the caller's thread.
    /// - Returns: the error number of a sync that failed.
    func syncNow() -> Int32? {
        syncAll()
        let code = failure.load(ordering: .relaxed)
        return code == 0 ? nil : code
    }

    /// Syncs what is left and ends the thread.
    /// - Returns: the error number of a sync that failed.
    func finish() -> Int32? {
        let thread = state.withLock { state in
            state.stopping = true
            defer { state.thread = nil }
            return state.thread
        }
        if let thread {
            candlewick_wake(wake)
            pthread_join(thread, nil)
        }
        let code = failure.load(ordering: .relaxed)
        return code == 0 ? nil : code
    }

    deinit { close(wake) }

    private func startThread() {
        var thread = pthread_t()
        let unmanaged = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                let syncer = Unmanaged<JournalSyncer>.fromOpaque(context!).takeRetainedValue()
                syncer.run()
                return nil
            }, unmanaged.toOpaque())
        if code != 0 {
            unmanaged.release()
            failure.store(code, ordering: .relaxed)
            return
        }
        state.withLock { $0.thread = thread }
    }

    private func run() {
        var stopping = false
        while !stopping {
            var request = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
            poll(&request, 1, milliseconds)
            stopping = state.withLock { $0.stopping }
            if dirty.exchange(false, ordering: .acquiring) { syncAll() }
        }
        syncing.withLock { _ in
            state.withLock { state in
                for file in state.files { close(file) }
                for file in [state.folder, state.mark] where file >= 0 { close(file) }
                state.files = []
                (state.folder, state.mark) = (-1, -1)
            }
        }
    }

    /// Time that the last sync took, ns; 0 before the first.
    var lastDuration: Int64 { duration.load(ordering: .relaxed) }

    private func syncAll() {
        syncing.withLock { _ in
            let began = Clock.system.monotonic()
            syncFiles()
            duration.store(Clock.system.monotonic() - began, ordering: .relaxed)
        }
    }

    private func syncFiles() {
        let (files, mark, folder) = state.withLock { state in
            defer { state.folderIsDirty = false }
            return (state.files, state.mark, state.folderIsDirty ? state.folder : -1)
        }
        for file in files + [mark] where file >= 0 && fdatasync(file) != 0 { failure.store(errno, ordering: .relaxed) }
        if folder >= 0, fsync(folder) != 0 { failure.store(errno, ordering: .relaxed) }
        if folder >= 0 { fileAdded() }
        guard files.count > 1 else { return }
        state.withLock { state in
            for file in files.dropLast() { close(file) }
            state.files.removeFirst(files.count - 1)
        }
    }
}
