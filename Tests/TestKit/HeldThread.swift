internal import CThreadHold
internal import Foundation
import Synchronization

/// One thread of a program of ours, stopped while the others go on: what a wedged loop looks like from outside.
///
/// Held by `ptrace` from a thread of its own, as that call belongs to one thread.
public final class HeldThread: Sendable {
    private let wantsRelease = DispatchSemaphore(value: 0)
    private let isReleased = DispatchSemaphore(value: 0)

    /// - Parameter name: the thread's name, by its beginning; `nil`: the main thread.
    /// - Throws: `TimeOut` if it is missing, or cannot be held.
    public init(of program: RunningProgram, named name: String? = nil) throws {
        let thread = try name.map { try HeldThread.find($0, program.processID) } ?? program.processID
        let isHeld = DispatchSemaphore(value: 0)
        let code = Mutex<Int32>(0)
        Thread.detachNewThread { [wantsRelease, isReleased] in
            let failure = thread_hold(thread)
            code.withLock { $0 = failure }
            isHeld.signal()
            wantsRelease.wait()
            _ = thread_release(thread)
            isReleased.signal()
        }
        isHeld.wait()
        let failure = code.withLock { $0 }
        guard failure == 0 else { throw TimeOut(description: "thread \(thread) cannot be held: errno \(failure)") }
    }

    /// Lets the thread go on.
    public func release() {
        wantsRelease.signal()
        isReleased.wait()
    }

    private static func find(_ name: String, _ process: Int32) throws -> Int32 {
        let folder = "/proc/\(process)/task"
        for task in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let text = try String(contentsOfFile: "\(folder)/\(task)/comm", encoding: .utf8)
            if text.hasPrefix(name), let thread = Int32(task) { return thread }
        }
        throw TimeOut(description: "process \(process) has no thread \(name)")
    }
}
