internal import CCurl
internal import Curl
internal import Host

/// An address on the web that is a secret, since it may hold a token: a webhook, or a receiver of pings. No error names it.
package struct WebAddress: Sendable {
    private let url: Secret
    /// Sent as `Authorization: Bearer`; `nil`: none.
    private let token: Secret?

    /// The longest that one request takes.
    static let secondsMax = 10

    /// - Parameter name: of the credential, for the error.
    /// - Throws: `Failure` (78) if it is no address to which a secret may be sent.
    package init(_ text: String, token: String? = nil, credential name: String) throws {
        guard text.hasPrefix("https://") || CurlHandle.isLoopback(text, scheme: "http"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), text.utf8.count <= 4_096
        else {
            throw Failure(
                .configuration,
                "\(name) must begin with https:// (http:// only for this machine: 127.0.0.1) and hold no space")
        }
        url = Secret(text)
        self.token = token.map(Secret.init)
    }

    /// Sends a request and waits for the answer, at most ten seconds.
    /// - Parameters:
    ///   - body: of a POST; `nil`: a GET.
    ///   - headers: lines; one with a line end is left out.
    ///   - isCancelled: asked about once a second.
    /// - Returns: `nil`, or why it was not taken.
    func send(
        _ body: [UInt8]?, headers: [String] = [], isCancelled: @escaping @Sendable () -> Bool
    ) -> String? {
        do throws(CurlRefusal) {
            return perform(try CurlHandle(url: url.reveal(), trust: nil), body, headers, isCancelled)
        } catch {
            return error.reason
        }
    }

    private func perform(
        _ handle: consuming CurlHandle, _ body: [UInt8]?, _ headers: [String],
        _ isCancelled: @escaping @Sendable () -> Bool
    ) -> String? {
        var curl = handle
        curl.set(connectSeconds: WebAddress.secondsMax, totalSeconds: WebAddress.secondsMax)
        if let body { curl.set(body: body) }
        for line in headers + ["Expect:"] { curl.addHeader(line) }
        if let token { curl.addHeader("Authorization: Bearer \(token.reveal())") }
        let transfer = Transfer(bodySizeMax: 0)
        // What it answers is of no interest, however long it is.
        transfer.onBytes = { _ in true }
        transfer.isCancelled = isCancelled
        if let reason = curl.perform(transfer) { return reason }
        return (200..<300).contains(curl.status) ? nil : "HTTP status \(curl.status)"
    }
}
