internal import NIOCore

/// The line of one connection: while faults make it slow or uneven, bytes leave a few at a time, cut anywhere, or
/// all at once after a wait. Their order stays.
final class SlowLine: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let core: SimulatorCore
    private var chance: SeededRandom
    private var waiting: CircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)> = []
    private var waitingBytes = 0
    private var isRunning = false
    /// Whether the peer is to be sent nothing more for now.
    private(set) var isFull = false

    /// The same bounds as those of a connection that is not slow.
    private static let fullBytes = 256 << 10
    private static let freeBytes = 64 << 10
    private static let pause = TimeAmount.milliseconds(1)

    init(core: SimulatorCore) {
        self.core = core
        chance = core.stream.makeChance()
    }

    /// The slow line of a connection.
    static func of(_ channel: any Channel) -> SlowLine? {
        try? channel.pipeline.syncOperations.handler(type: SlowLine.self)  // Only closed connections have none.
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard core.stream.faults.isLineUneven || isRunning || !waiting.isEmpty else {
            return context.write(data, promise: promise)
        }
        let bytes = unwrapOutboundIn(data)
        waitingBytes += bytes.readableBytes
        isFull = isFull || waitingBytes > SlowLine.fullBytes
        waiting.append((bytes, promise))
    }

    func flush(context: ChannelHandlerContext) {
        guard !waiting.isEmpty else { return context.flush() }
        guard !isRunning else { return }
        isRunning = true
        if let millis = core.stream.faults.jitterMillis {
            schedule(in: .nanoseconds(Int64(chance.unit() * Double(millis) * 1e6)), context)
        } else {
            run(context)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        for entry in waiting { entry.promise?.fail(ChannelError.ioOnClosedChannel) }
        waiting.removeAll()
        waitingBytes = 0
        context.close(mode: mode, promise: promise)
    }

    private func run(_ context: ChannelHandlerContext) {
        guard core.stream.faults.bytesAtOnce == nil else { return runSlowly(context) }
        while !waiting.isEmpty { sendPiece(context) }
        isRunning = false
    }

    private func runSlowly(_ context: ChannelHandlerContext) {
        isRunning = !waiting.isEmpty
        guard isRunning else { return }
        sendPiece(context)
        schedule(in: SlowLine.pause, context)
    }

    private func schedule(in pause: TimeAmount, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: pause) { bound.value.0.run(bound.value.1) }
    }

    private func sendPiece(_ context: ChannelHandlerContext) {
        let first = waiting.startIndex
        let count = waiting[first].bytes.readableBytes
        let length = min(count, core.stream.faults.bytesAtOnce ?? count)
        guard let piece = waiting[first].bytes.readSlice(length: length) else { return }
        waitingBytes -= length
        let promise = length == count ? waiting.removeFirst().promise : nil
        context.writeAndFlush(wrapOutboundOut(piece), promise: promise)
        if isFull, waitingBytes < SlowLine.freeBytes {
            isFull = false
            context.fireChannelWritabilityChanged()
        }
    }
}
