internal import Glibc
public import Logging
internal import MarketData
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

/// A running stand-in for the broker: one port that serves REST, TLCP over HTTP and TLCP over WebSocket.
///
/// All of it runs on one event loop; the methods here may be called from any thread.
public final class Simulator: Sendable {
    /// The base that clients use for REST and for the stream alike, such as `http://127.0.0.1:8080`.
    public let url: String
    public let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let core: NIOLoopBound<SimulatorCore>
    private let listener: any Channel
    private let done: EventLoopPromise<Bool>

    /// Reads the tick files, opens the port and serves.
    public init(_ options: SimulatorOptions, logger: Logger) throws(SimulatorError) {
        let market = UnsafeTransfer(try Simulator.market(options))
        let tls = try Simulator.tls(options)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        do {
            let core = try loop.submit {
                let core = SimulatorCore(options: options, market: market.value, loop: loop, logger: logger)
                return NIOLoopBound(core, eventLoop: loop)
            }.wait()
            let listener = try Simulator.listen(options, tls: tls, core: core, group: group)
            let port = listener.localAddress?.port ?? options.port
            let authority = options.host.contains(":") ? "[\(options.host)]:\(port)" : "\(options.host):\(port)"
            let url = "\(tls == nil ? "http" : "https")://\(authority)"
            let done = loop.makePromise(of: Bool.self)
            try loop.submit {
                core.value.onDone = { done.succeed(true) }
                core.value.start(streamURL: options.streamURL ?? url, authority: authority)
            }.wait()
            (self.group, self.core, self.listener, self.port, self.url, self.done) =
                (group, core, listener, port, url, done)
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EACCES {
            throw SimulatorError(.portTaken, "cannot listen on \(options.host):\(options.port): \(error)")
        } catch {
            throw SimulatorError(.unavailable, "cannot listen on \(options.host):\(options.port): \(error)")
        }
    }

    /// Returns when the play is delivered (with `exitsWhenDone`), true then, or `stop` was called.
    public func wait() -> Bool {
        (try? done.futureResult.wait()) ?? false  // The promise never fails.
    }

    /// Makes `wait` return.
    public func stop() { done.succeed(false) }

    /// Closes every connection in an orderly way and ends the event loop.
    /// - Parameter seconds: how long peers have to close their side.
    public func close(within seconds: Int64) {
        let core = core
        let loop = listener.eventLoop
        let closed = loop.makePromise(of: Void.self)
        listener.close(promise: nil)
        loop.execute {
            let deadline = NIODeadline.now() + .seconds(seconds)
            core.value.closeStreams()
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(5)) { task in
                guard core.value.connectionCount == 0 || NIODeadline.now() >= deadline else { return }
                task.cancel()
                core.value.stop()
                closed.succeed()
            }
        }
        try? closed.futureResult.wait()  // Only ever succeeded.
        // Connections that are still open are closed by the loop's end; nothing else can fail here.
        try? group.syncShutdownGracefully()
    }
}

/// Hands a value that is not `Sendable` to the event loop that owns it from then on.
struct UnsafeTransfer<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
