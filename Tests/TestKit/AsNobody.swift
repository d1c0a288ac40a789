internal import Foundation

/// Runs what opens files with the rights of the user `nobody`, on a thread of its own. The test itself must run as root.
public func asNobody<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await onOwnThread {
        // The ids of the thread by which files are judged: the process stays root. Source: setfsuid(2).
        for name in ["setfsgid", "setfsuid"] {
            let function = dlsym(nil, name)!
            _ = unsafeBitCast(function, to: (@convention(c) (UInt32) -> Int32).self)(65_534)
        }
        return try body()
    }
}
