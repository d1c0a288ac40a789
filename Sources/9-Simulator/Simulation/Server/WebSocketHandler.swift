internal import Logging
internal import NIOCore
internal import NIOWebSocket

/// A client's WebSocket: requests in, lines out. Expects whole messages (`NIOWebSocketFrameAggregator`).
final class WebSocketHandler: ChannelInboundHandler, StreamPeer {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    let isHTTP = false
    let version: ProtocolVersion
    private(set) var address = "127.0.0.1"
    var lastSession: String?
    private let core: SimulatorCore
    private let channel: any Channel
    private let line: SlowLine?
    private var isClosing = false

    /// How long an orderly close waits for the peer, which may still have megabytes to read.
    private static let closeWait = TimeAmount.seconds(60)

    init(core: SimulatorCore, channel: any Channel, version: ProtocolVersion) {
        self.core = core
        self.channel = channel
        self.version = version
        line = SlowLine.of(channel)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        address = context.channel.remoteAddress?.ipAddress ?? address
        core.webSockets[ObjectIdentifier(self)] = self
    }

    func channelInactive(context: ChannelHandlerContext) {
        core.webSockets[ObjectIdentifier(self)] = nil
        core.stream.outletClosed(self, now: core.now)
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isWritable { core.stream.outletWritable(self) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.maskKey != nil else {
            close(code: .protocolError)
            return
        }
        switch frame.opcode {
        case .text: take(frame.unmaskedData)
        case .ping: send(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
        case .connectionClose: peerCloses(frame.unmaskedData)
        case .pong: break
        default: close(code: .unacceptableData)
        }
    }

    private func take(_ message: ByteBuffer) {
        guard message.readableBytes <= core.stream.limits.requestBytesMax else {
            reply("ERROR,68,Request too long")
            return
        }
        do throws(StreamRequest.Malformed) {
            let request = try StreamRequest(message: Array(message.readableBytesView))
            core.stream.handle(request, from: self, now: core.now)
        } catch {
            reply("ERROR,67,Malformed request")
        }
        channel.flush()
    }

    private func peerCloses(_ payload: ByteBuffer) {
        guard !isClosing else {
            channel.close(promise: nil)
            return
        }
        isClosing = true
        let channel = channel
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: payload)
        channel.writeAndFlush(frame).whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: StreamPeer

    var connection: any Channel { channel }
    var isWritable: Bool { channel.isWritable && line?.isFull != true }

    func reply(_ line: String) {
        send(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: line + "\r\n")))
    }

    func send(_ lines: ByteBuffer) {
        // Nothing may follow a close frame. Source: RFC 6455 § 5.5.1.
        if isClosing { return }
        channel.write(WebSocketFrame(fin: true, opcode: .text, data: lines), promise: nil)
    }

    func flush() { channel.flush() }

    func endStream() {}

    func cut() { channel.close(promise: nil) }

    func cut(within lines: ByteBuffer) {
        var part = ByteBuffer()
        // A final text frame without a mask, whose length says more than what follows. Source: RFC 6455 § 5.2.
        part.writeInteger(UInt8(0x81))
        if lines.readableBytes < 126 {
            part.writeInteger(UInt8(lines.readableBytes))
        } else {
            part.writeInteger(UInt8(126))
            part.writeInteger(UInt16(clamping: lines.readableBytes))
        }
        part.writeBytes(lines.readableBytesView.prefix(lines.readableBytes / 2))
        // From the encoder on: past it, straight to the connection.
        let encoder = try? channel.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        encoder?.writeAndFlush(NIOAny(part), promise: nil)
        cut()
    }

    func close() { close(code: .normalClosure) }

    /// Sends a close frame behind everything else and waits for the peer's.
    func close(code: WebSocketErrorCode) {
        guard !isClosing else { return }
        isClosing = true
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        send(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload))
        let channel = channel
        channel.eventLoop.scheduleTask(in: WebSocketHandler.closeWait) { channel.close(promise: nil) }
    }

    private func send(_ frame: WebSocketFrame) { channel.writeAndFlush(frame, promise: nil) }
}
