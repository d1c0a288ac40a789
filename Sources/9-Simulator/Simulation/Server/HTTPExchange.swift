internal import NIOCore
internal import NIOHTTP1

/// One Lightstreamer request over HTTP and its response: either a short body of answers, or the stream.
final class HTTPExchange: StreamPeer {
    let isHTTP = true
    let version: ProtocolVersion
    let address: String
    var lastSession: String?
    private let channel: any Channel
    private let line: SlowLine?
    private let keepsAlive: Bool
    private let onEnd: () -> Void
    private var answers = ""
    private var isStreaming = false
    private var isEnded = false

    init(
        channel: any Channel, version: ProtocolVersion, address: String, keepsAlive: Bool,
        onEnd: @escaping () -> Void
    ) {
        self.channel = channel
        line = SlowLine.of(channel)
        self.version = version
        self.address = address
        self.keepsAlive = keepsAlive
        self.onEnd = onEnd
    }

    var isWritable: Bool { channel.isWritable && line?.isFull != true }

    func reply(_ line: String) { answers += line + "\r\n" }

    /// The request is handled: without a stream the answers are the whole response.
    func finishRequest() {
        guard !isStreaming, !isEnded else { return }
        isEnded = true
        var headers = HTTPHeaders([
            ("Content-Type", "text/plain; charset=iso-8859-1"), ("Content-Length", "\(answers.utf8.count)"),
        ])
        addCommon(&headers)
        write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
        write(.body(.byteBuffer(ByteBuffer(string: answers))))
        finish()
    }

    func send(_ lines: ByteBuffer) {
        guard !isEnded else { return }
        if !isStreaming {
            isStreaming = true
            var headers = HTTPHeaders([("Content-Type", "text/enriched; charset=iso-8859-1")])
            addCommon(&headers)
            headers.add(name: "Transfer-Encoding", value: "chunked")
            write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
            if !answers.isEmpty { write(.body(.byteBuffer(ByteBuffer(string: answers)))) }
        }
        write(.body(.byteBuffer(lines)))
    }

    func flush() { channel.flush() }

    func endStream() {
        guard !isEnded else { return }
        isEnded = true
        finish()
    }

    func cut() {
        isEnded = true
        channel.close(promise: nil)
    }

    func cut(within lines: ByteBuffer) {
        if let half = lines.getSlice(at: lines.readerIndex, length: lines.readableBytes / 2) { send(half) }
        flush()
        cut()
    }

    func close() { endStream() }

    private func addCommon(_ headers: inout HTTPHeaders) {
        headers.add(contentsOf: [
            ("Cache-Control", "no-store"), ("Cache-Control", "no-transform"), ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"), ("Expires", "Thu, 1 Jan 1970 00:00:00 GMT"),
        ])
        if !keepsAlive { headers.add(name: "Connection", value: "close") }
    }

    private func write(_ part: HTTPServerResponsePart) { channel.write(part, promise: nil) }

    private func finish() {
        let channel = channel
        let keepsAlive = keepsAlive
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
            if !keepsAlive { channel.close(promise: nil) }
        }
        onEnd()
    }
}
