internal import CZeroMQ
internal import Glibc
public import Host

/// The process's ZeroMQ context. May be shared between threads (libzmq's manual says so); the sockets
/// made from it may not.
public final class BusContext: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    public init() throws(BusError) {
        guard let handle = zmq_ctx_new() else { throw BusError("make a context for", "the bus") }
        self.handle = handle
    }

    /// Ends the context. Sends what is queued first, so close the sockets before.
    deinit { zmq_ctx_term(handle) }

    func socket(_ kind: Int32, endpoint: String) throws(BusError) -> UnsafeMutableRawPointer {
        guard let socket = zmq_socket(handle, kind) else { throw BusError("make a socket for", endpoint) }
        return socket
    }
}

/// A bus operation that failed: what was being done, on which endpoint, and libzmq's reason.
public struct BusError: ExitCodeProviding, CustomStringConvertible {
    public let operation: String
    public let endpoint: String
    public let reason: String
    /// The address belongs to another socket now.
    let isInUse: Bool

    init(_ operation: String, _ endpoint: String) {
        self.operation = operation
        self.endpoint = endpoint
        reason = String(cString: zmq_strerror(zmq_errno()))
        isInUse = zmq_errno() == EADDRINUSE
    }

    public var exitCode: ExitCode { .io }
    public var description: String { "cannot \(operation) \(endpoint): \(reason)" }
}

/// - Parameter endpoint: of a socket that is a file; others pass.
/// - Throws: `Failure` (77) if this user may not connect to it. One that is missing passes: its stage may come.
func expectAccess(toSocketOf endpoint: String) throws {
    let scheme = "ipc://"
    if endpoint.hasPrefix(scheme) { try expectAccess(to: String(endpoint.dropFirst(scheme.count)), .write) }
}

/// For options of 64 bits.
func setLargeOption(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: Int64) {
    var value = value
    let result = zmq_setsockopt(socket, option, &value, MemoryLayout<Int64>.size)
    precondition(result == 0, "ZeroMQ option \(option) = \(value) was refused")
}

func setOption(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: Int32) {
    var value = value
    let result = zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size)
    precondition(result == 0, "ZeroMQ option \(option) = \(value) was refused")
}

func setText(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ text: String) {
    let result = zmq_setsockopt(socket, option, text, text.utf8.count)
    precondition(result == 0, "ZeroMQ option \(option) was refused")
}
