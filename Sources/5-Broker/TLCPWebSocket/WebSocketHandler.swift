internal import NIOCore
internal import NIOSSL
internal import NIOWebSocket

/// Frames in, bytes to the delegate; pings answered, closes answered. Runs on the channel's event loop.
///
/// Fragments go to the delegate as they come: nothing is gathered and nothing copied. Source: RFC 6455 § 5.
final class WebSocketHandler<Delegate: WebSocketDelegate>: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private var delegate: Delegate?
    private let closeTime: TimeAmount
    private var isInMessage = false
    private var isClosing = false
    private var reason: String?
    /// Bytes that the peer has not read yet, as far as the system does not keep them.
    private var pendingBytes = 0

    /// More than all subscriptions of a session; a peer that leaves so much unread is given up.
    private static var pendingBytesMax: Int { 1 << 20 }
    /// What a message costs beside its bytes, however short it is.
    private static var messageBytes: Int { 256 }

    init(delegate: Delegate, closeTime: TimeAmount) {
        self.delegate = delegate
        self.closeTime = closeTime
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.maskKey == nil else { return refuse(.protocolError, "masked frame from the server", context) }
        switch frame.opcode {
        case .text:
            guard !isInMessage else { return refuse(.protocolError, "message inside a message", context) }
            isInMessage = !frame.fin
            deliver(frame.data)
        case .continuation:
            guard isInMessage else { return refuse(.protocolError, "continuation without a message", context) }
            isInMessage = !frame.fin
            deliver(frame.data)
        case .ping:
            guard !isClosing else { return }
            send(.pong, frame.data, context)
        case .pong: break
        case .connectionClose: closed(by: frame.data, context)
        case .binary: refuse(.unacceptableData, "binary message", context)
        default: refuse(.protocolError, "unknown frame", context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        delegate?.webSocketBurstEnded()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(reason ?? "connection closed")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder repeats its first error for everything that comes after.
        if reason == nil { reason = WebSocketHandler.text(error) }
        context.close(promise: nil)
    }

    /// Sends one text message.
    func send(message: [UInt8], _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        send(.text, context.channel.allocator.buffer(bytes: message), context)
    }

    /// Begins the close handshake, and ends the connection without the peer's answer after a while.
    func close(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        var data = context.channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        send(.connectionClose, data, context)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: closeTime) { channel.close(promise: nil) }
    }

    /// Whether the end has not been reported yet.
    var hasDelegate: Bool { delegate != nil }

    /// Says nothing more to the delegate.
    func forgetDelegate() { delegate = nil }

    private func deliver(_ data: ByteBuffer) {
        guard !isClosing else { return }
        data.withUnsafeReadableBytes { delegate?.webSocketReceived($0) }
    }

    private func closed(by data: ByteBuffer, _ context: ChannelHandlerContext) {
        var data = data
        let code = data.readWebSocketErrorCode()
        let text = data.readString(length: min(data.readableBytes, 123)) ?? ""
        if reason == nil {
            reason = "closed by the server: \(code.map { "\(UInt16(webSocketErrorCode: $0))" } ?? "no code") \(text)"
        }
        if isClosing {
            context.close(promise: nil)
        } else {
            close(code ?? .normalClosure, context)
            context.close(promise: nil)
        }
    }

    private func refuse(_ code: WebSocketErrorCode, _ text: String, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        reason = text
        close(code, context)
        end(text)
    }

    private func end(_ reason: String) {
        let ended = delegate
        delegate = nil
        ended?.webSocketClosed(reason: reason)
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        let size = data.readableBytes + Self.messageBytes
        guard pendingBytes + size <= Self.pendingBytesMax else { return giveUp(context) }
        pendingBytes += size
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in pendingBytes -= size }
        context.writeAndFlush(wrapOutboundOut(frame), promise: written)
    }

    /// A close frame would wait behind what is not read.
    private func giveUp(_ context: ChannelHandlerContext) {
        isClosing = true
        if reason == nil { reason = "the server does not read what it is sent" }
        end(reason ?? "")
        context.close(mode: .all, promise: nil)
    }

    /// One line for people.
    static func text(_ error: any Error) -> String {
        let text = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return "the server's certificate is refused: it is for another host"
        }
        // BoringSSL's queue of errors names no more than this.
        guard text.contains("CERTIFICATE_VERIFY_FAILED") else { return text }
        return "the server's certificate is refused: it has expired or is not signed by a trusted authority"
    }
}
