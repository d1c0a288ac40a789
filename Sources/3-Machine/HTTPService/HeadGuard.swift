internal import NIOCore
internal import NIOHTTP1

/// Stands before the parser of a connection and counts the bytes of each head: the parser itself does not count the spaces
/// before a header's value, and keeps them.
///
/// - Note: Event loop only.
final class HeadGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        /// Between two requests, or within a head.
        case head
        /// A request is being answered.
        case answer
        /// Nothing that comes counts any more.
        case over
    }

    private let limits: HTTPLimits
    /// Called with the first byte of a head.
    private let headBegan: () -> Void
    private var phase = Phase.head
    private var bytes = 0
    private var hasLine = false

    init(limits: HTTPLimits, headBegan: @escaping () -> Void) { (self.limits, self.headBegan) = (limits, headBegan) }

    /// No line of the head has come to its end: what is too long is the request's target.
    var isWithinFirstLine: Bool { !hasLine }

    /// The head's first byte has come, and not its last.
    var isWithinHead: Bool { phase == .head && bytes > 0 }

    /// A whole head has come.
    func answerBegins() { (phase, bytes) = (.answer, 0) }

    /// The next head may come.
    func answerEnded() { (phase, bytes, hasLine) = (.head, 0, false) }

    /// The connection is about to be closed.
    func end() { phase = .over }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        switch phase {
        case .over: return
        case .head:
            if bytes == 0 { headBegan() }
            let room = max(0, limits.headBytes - bytes)
            hasLine = hasLine || buffer.readableBytesView.prefix(room).contains(UInt8(ascii: "\n"))
            bytes += buffer.readableBytes
            guard bytes <= limits.headBytes else {
                context.fireErrorCaught(HTTPParserError.headerOverflow)
                return
            }
        // At most one read of it: until the answer is out, nothing more is read.
        case .answer: break
        }
        context.fireChannelRead(data)
    }
}

@available(*, unavailable)
extension HeadGuard: Sendable {}
