internal import CCurl
internal import Curl
internal import Synchronization

/// A POST whose answer does not end: HTTP streaming, and short control requests, of a Lightstreamer server.
/// Blocks the calling thread; `cancel()` may come from any thread.
public final class StreamingPost: Sendable {
    private let url: String
    private let body: [UInt8]
    private let trustFile: String?
    private let isCancelled = Atomic(false)

    public init(url: String, body: [UInt8], trustFile: String? = nil) {
        self.url = url
        self.body = body
        self.trustFile = trustFile
    }

    /// Ends the transfer within about a second (at once where bytes are flowing).
    public func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Sends the request and hands out the answer's bytes as they come.
    /// - Parameters:
    ///   - timeoutSeconds: for the whole answer; 0: none, silence is the protocol's to notice.
    ///   - answerSizeMax: an answer of more bytes is cut off there, and fails.
    ///   - onBytes: valid during the call; any thread of the caller's choice is the one that calls `run`.
    /// - Returns: why it ended: `nil` where the server ended an answer with status 200.
    public func run(
        timeoutSeconds: Int = 0, answerSizeMax: Int = .max, onBytes: @escaping (UnsafeRawBufferPointer) -> Void
    ) -> String? {
        do throws(CurlRefusal) {
            return perform(try handle(), timeoutSeconds, answerSizeMax, onBytes)
        } catch {
            return error.reason
        }
    }

    private func handle() throws(CurlRefusal) -> CurlHandle {
        var curl = try CurlHandle(url: url, trust: trustFile)
        curl.set(CURLOPT_TCP_NODELAY, 1)
        // A page of an error is not a stream.
        curl.set(CURLOPT_FAILONERROR, 1)
        curl.addHeader("Content-Type: text/plain; charset=utf-8")
        curl.addHeader("Expect:")
        curl.set(body: body)
        return curl
    }

    private func perform(
        _ curl: consuming CurlHandle, _ timeoutSeconds: Int, _ answerSizeMax: Int,
        _ onBytes: @escaping (UnsafeRawBufferPointer) -> Void
    ) -> String? {
        curl.set(connectSeconds: 5, totalSeconds: timeoutSeconds)
        var left = answerSizeMax
        var isTooLong = false
        let transfer = Transfer(bodySizeMax: 0)
        transfer.isCancelled = { [self] in isCancelled.load(ordering: .relaxed) }
        transfer.onBytes = { [self] bytes in
            if isCancelled.load(ordering: .relaxed) { return false }
            isTooLong = bytes.count > left
            if isTooLong { return false }
            left -= bytes.count
            onBytes(bytes)
            return true
        }
        let reason = curl.perform(transfer)
        if isCancelled.load(ordering: .relaxed) { return "cancelled" }
        if isTooLong { return "the answer is longer than \(answerSizeMax) bytes" }
        if let reason { return curl.status >= 400 ? "HTTP status \(curl.status)" : reason }
        return (200..<300).contains(curl.status) ? nil : "HTTP status \(curl.status)"
    }
}
