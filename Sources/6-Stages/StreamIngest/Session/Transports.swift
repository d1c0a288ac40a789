internal import Foundation
internal import IGClient
internal import Logging
internal import MarketData
internal import NIOCore
internal import TLCP
internal import TLCPWebSocket

/// The open connections of the session: WebSockets on the data thread's own event loop, HTTP streaming and
/// control requests on threads of their own that hand their bytes to the loop.
///
/// `@unchecked Sendable`: used on `loop` only.
final class Transports: Connections, @unchecked Sendable {
    private let loop: any EventLoop
    private let trustFile: String?
    private let client: WebSocketClient
    private var sockets: [TransportID: WebSocket<WebSocketListener>] = [:]
    private var streams: [TransportID: StreamingPost] = [:]
    weak var owner: (any ConnectionOwner)?

    /// One control request may take so long; the session sends it again after that.
    private static let postSeconds = 10
    /// A line for each request that was in it, and the requests of a POST are few.
    private static let postAnswerSizeMax = 256 << 10

    init(loop: any EventLoop, trustFile: String?) throws {
        self.loop = loop
        self.trustFile = trustFile
        var options = WebSocketOptions()
        options.trustFile = trustFile
        client = try WebSocketClient(options: options, eventLoop: loop)
    }

    func carryOut(_ action: SessionAction) {
        switch action {
        case .openWebSocket(let id, let endpoint, let subprotocol):
            sockets[id] = client.open(
                endpoint, subprotocol: subprotocol, delegate: WebSocketListener(id: id, owner: owner))
        case .openStream(let id, let endpoint, let path, let body):
            openStream(id, url: endpoint.httpURL + path, body: body)
        case .send(let id, let message): sockets[id]?.send(message: message)
        case .post(let id, let endpoint, let path, let body): post(id, url: endpoint.httpURL + path, body: body)
        case .close(let id):
            sockets.removeValue(forKey: id)?.close()
            streams.removeValue(forKey: id)?.cancel()
        }
    }

    /// A transport that ended by itself.
    func forget(_ id: TransportID) {
        sockets[id] = nil
        streams[id] = nil
    }

    func closeAll() {
        for socket in sockets.values { socket.close() }
        for stream in streams.values { stream.cancel() }
        sockets = [:]
        streams = [:]
    }

    private func openStream(_ id: TransportID, url: String, body: [UInt8]) {
        let stream = StreamingPost(url: url, body: body, trustFile: trustFile)
        streams[id] = stream
        let loop = loop
        weak let owner = owner
        Thread.detachNewThread {
            let reason = stream.run { bytes in
                let chunk = [UInt8](bytes)
                // One piece at a time: a server that sends faster than we take waits. Fails where the loop has ended.
                try? loop.submit {
                    chunk.withUnsafeBytes { owner?.received($0, from: id) }
                    owner?.burstEnded()
                }.wait()
            }
            loop.execute { owner?.closed(id, reason: reason ?? "the server ended the response") }
        }
    }

    private func post(_ id: TransportID, url: String, body: [UInt8]) {
        let request = StreamingPost(url: url, body: body, trustFile: trustFile)
        let loop = loop
        weak let owner = owner
        Thread.detachNewThread {
            var answer: [UInt8] = []
            let reason = request.run(
                timeoutSeconds: Transports.postSeconds, answerSizeMax: Transports.postAnswerSizeMax
            ) { answer += $0 }
            let result: Result<[UInt8], PostFailure> =
                reason.map { .failure(PostFailure(reason: $0)) } ?? .success(answer)
            loop.execute { owner?.posted(id, result) }
        }
    }
}

/// Passes the events of one WebSocket on under its number.
private final class WebSocketListener: WebSocketDelegate {
    private let id: TransportID
    private weak var owner: (any ConnectionOwner)?

    init(id: TransportID, owner: (any ConnectionOwner)?) {
        self.id = id
        self.owner = owner
    }

    func webSocketOpened() { owner?.opened(id) }
    func webSocketReceived(_ bytes: UnsafeRawBufferPointer) { owner?.received(bytes, from: id) }
    func webSocketBurstEnded() { owner?.burstEnded() }
    func webSocketClosed(reason: String) { owner?.closed(id, reason: reason) }
}

/// The data loop of the daemon: an event loop, which also reads the connections.
struct EventDataLoop: DataLoop {
    let loop: any EventLoop

    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let task = loop.scheduleTask(in: .nanoseconds(pause.nanoseconds), body)
        return { task.cancel() }
    }

    func checkIsCurrent() { loop.preconditionInEventLoop() }
}
