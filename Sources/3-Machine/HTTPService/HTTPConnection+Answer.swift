internal import NIOCore
internal import NIOHTTP1

/// The way of answers to the client.
extension HTTPConnection {
    /// Bytes that are handed to the system at once; the client must take so much before the deadline moves on.
    private static let pieceBytes = 65_536

    func send(_ answer: HTTPAnswer, to head: HTTPRequestHead) {
        guard case .answering = phase, context != nil else { return }
        switch answer {
        case .whole(let response): send(response, to: head)
        case .stream(let response, let begin): stream(response, to: head, begin)
        }
    }

    func send(_ given: HTTPResponse, to head: HTTPRequestHead) {
        guard let context else { return }
        var response = given
        if server.unsentBytes > server.limits.unsentBytes {
            response = server.busy("too many answers wait for their readers", path: head.path)
        }
        let mayHaveBody = response.status != 204 && response.status != 304
        var headers = self.headers(of: response, to: head)
        if mayHaveBody { headers.add(name: "Content-Length", value: "\(response.body.count)") }
        context.write(wrapOutboundOut(.head(responseHead(response.status, headers, to: head))), promise: nil)
        if mayHaveBody, head.method != .HEAD { rest = ByteBuffer(bytes: response.body) }
        server.unsentBytes += rest.readableBytes
        sendPiece(context)
    }

    /// Sends the answer piece by piece: what a client does not take must not lie in the queue of the system or of the loop.
    private func sendPiece(_ context: ChannelHandlerContext) {
        deadline = server.monotonic(after: server.limits.stall)
        let piece = rest.readSlice(length: min(rest.readableBytes, HTTPConnection.pieceBytes)) ?? ByteBuffer()
        let connection = NIOLoopBound(self, eventLoop: server.loop)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece)))).whenComplete { result in
            let connection = connection.value
            connection.server.unsentBytes -= piece.readableBytes
            guard case .success = result, let context = connection.context else { return }
            if connection.rest.readableBytes > 0 {
                connection.sendPiece(context)
            } else {
                connection.answerIsSent(context)
            }
        }
    }

    private func answerIsSent(_ context: ChannelHandlerContext) {
        rest = ByteBuffer()
        if closesAfter { return leave(context) }
        phase = .waiting
        deadline = server.monotonic(after: server.limits.idle)
        headGuard.answerEnded()
        // The next request, if it was sent ahead, comes within this call.
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Closes our side and waits for the client to do the same: an answer that is followed by a reset may never be read.
    private func leave(_ context: ChannelHandlerContext) {
        announceLeave()
        deadline = server.monotonic(after: server.limits.farewell)
        context.close(mode: .output, promise: nil)
        // The client's last bytes, and its end, are still to come.
        context.read()
    }

    /// No further request is taken.
    private func announceLeave() {
        phase = .leaving
        headGuard.end()
    }

    // MARK: Streams

    private func stream(
        _ response: HTTPResponse, to head: HTTPRequestHead, _ begin: @Sendable (any HTTPStream) -> Void
    ) {
        guard let context else { return }
        guard server.streams < server.limits.streams else {
            return send(server.busy("\(server.limits.streams) streams are open", path: head.path), to: head)
        }
        let isChunked = head.version.minor >= 1
        closesAfter = closesAfter || !isChunked || head.method == .HEAD
        var headers = self.headers(of: response, to: head)
        if isChunked, head.method != .HEAD { headers.add(name: "Transfer-Encoding", value: "chunked") }
        context.writeAndFlush(wrapOutboundOut(.head(responseHead(response.status, headers, to: head))), promise: nil)
        if head.method == .HEAD { return leave(context) }
        let stream = HTTPStreamBody(self, server.outbox)
        phase = .streaming(stream)
        deadline = .max
        server.streams += 1
        server.counters.add(\.streams)
        begin(stream)
    }

    /// Hands what a stream has gathered to the system.
    /// - Parameter isSent: called when the system has it all.
    func send(_ buffer: ByteBuffer, isSent: @escaping @Sendable () -> Void) {
        guard case .streaming = phase, let context else { return }
        if deadline == .max { deadline = server.monotonic(after: server.limits.stall) }
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).whenSuccess(isSent)
    }

    /// The client has taken something of the stream.
    func streamMoved(hasMore: Bool) { deadline = hasMore ? server.monotonic(after: server.limits.stall) : .max }

    /// - Parameter isCutOff: the client does not read.
    func endStream(isCutOff: Bool) {
        guard case .streaming(let stream) = phase, let context else { return }
        if isCutOff {
            server.counters.add(\.clientsCutOff)
            context.close(promise: nil)
            return
        }
        streamIsOver(stream)
        announceLeave()
        deadline = server.monotonic(after: server.limits.stall)
        let connection = NIOLoopBound(self, eventLoop: server.loop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenSuccess {
            if let context = connection.value.context { connection.value.leave(context) }
        }
    }

    func streamIsOver(_ stream: HTTPStreamBody) {
        server.streams -= 1
        server.counters.add(\.streams, -1)
        stream.ended()
    }

    // MARK: Heads

    private func responseHead(_ status: Int, _ headers: HTTPHeaders, to head: HTTPRequestHead) -> HTTPResponseHead {
        HTTPResponseHead(
            version: HTTPVersion(major: 1, minor: head.version.minor), status: HTTPResponseStatus(statusCode: status),
            headers: headers)
    }

    private func headers(of response: HTTPResponse, to head: HTTPRequestHead) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(16)
        headers.add(name: "Date", value: server.date())
        if !response.contentType.isEmpty { headers.add(name: "Content-Type", value: response.contentType) }
        for (name, value) in response.headers { headers.add(name: name, value: value) }
        for (name, value) in server.access.crossOriginHeaders(head) { headers.add(name: name, value: value) }
        for (name, value) in HTTPServerCore.standardHeaders where !headers.contains(name: name) {
            headers.add(name: name, value: value)
        }
        if closesAfter {
            headers.add(name: "Connection", value: "close")
        } else if head.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        return headers
    }
}
