package import CCurl
internal import Host

/// Why no transfer can begin, for people.
package struct CurlRefusal: Error {
    package let reason: String
}

/// A libcurl handle with the settings that every transfer has: certificates verified, no redirects, no
/// signals, HTTP and HTTPS only. One transfer each.
package struct CurlHandle: ~Copyable {
    private let handle: UnsafeMutableRawPointer
    private var list: UnsafeMutablePointer<curl_slist>?
    /// Where libcurl writes what exactly went wrong.
    private let detail: UnsafeMutablePointer<CChar>

    /// Once for the process, before any handle.
    private static let isPrepared = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// libcurl takes no more than 8,000,000 bytes; a part of the address may come from a server.
    private static let urlSizeMax = 65_536

    /// - Parameter trust: a file of PEM certificates to trust instead of the system's.
    /// - Throws: why no transfer can begin.
    package init(url: String, trust: String?) throws(CurlRefusal) {
        guard url.utf8.count <= CurlHandle.urlSizeMax else {
            throw CurlRefusal(
                reason: "the address has \(url.utf8.count) bytes, the limit is \(CurlHandle.urlSizeMax)")
        }
        guard CurlHandle.isPrepared, let handle = curl_easy_init() else {
            throw CurlRefusal(reason: "libcurl cannot be used")
        }
        self.handle = handle
        detail = .allocate(capacity: Int(CURL_ERROR_SIZE))
        detail.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        _ = candlewick_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, detail)
        set(CURLOPT_URL, url)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
        set(CURLOPT_USERAGENT, "candlewick/\(Program.version)")
        if let trust { set(CURLOPT_CAINFO, trust) }
        // Without TLS a proxy reads the password, and a connection within this machine needs none. For the others
        // libcurl goes by https_proxy, through which TLS is a tunnel.
        if !url.hasPrefix("https://") || CurlHandle.isLoopback(url, scheme: "https") { set(CURLOPT_PROXY, "") }
    }

    /// Whether an address names this machine, by its loopback. What follows a user's name in it is another host.
    /// - Parameter scheme: such as `https`; an address of another one is not of this machine.
    package static func isLoopback(_ url: String, scheme: String) -> Bool {
        guard url.hasPrefix("\(scheme)://") else { return false }
        let authority = url.dropFirst("\(scheme)://".count).prefix { !"/?#\\".contains($0) }
        return !authority.contains("@")
            && ["127.0.0.1", "localhost", "[::1]"].contains { host in
                authority.hasPrefix(host) && [":", nil].contains(authority.dropFirst(host.count).first)
            }
    }

    deinit {
        curl_slist_free_all(list)
        curl_easy_cleanup(handle)
        detail.deallocate()
    }

    /// The most time for a connection and for the whole transfer.
    /// - Parameter totalSeconds: 0: no limit.
    package func set(connectSeconds: Int, totalSeconds: Int) {
        set(CURLOPT_CONNECTTIMEOUT, connectSeconds)
        set(CURLOPT_TIMEOUT, totalSeconds)
    }

    package func set(_ option: CURLoption, _ value: Int) {
        let result = candlewick_curl_set_long(handle, option, value)
        precondition(result == CURLE_OK, "libcurl refused option \(option.rawValue)")
    }

    package func set(_ option: CURLoption, _ value: String) {
        let result = candlewick_curl_set_string(handle, option, value)
        precondition(result == CURLE_OK, "libcurl refused option \(option.rawValue)")
    }

    /// Adds a line such as `Accept: text/plain`; one with a line end is left out.
    package mutating func addHeader(_ line: String) {
        // A line end in a value would begin another header.
        guard !line.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else { return }
        list = curl_slist_append(list, line) ?? list
    }

    /// Makes the request a POST with this body.
    package func set(body: [UInt8]) {
        set(CURLOPT_POSTFIELDSIZE, body.count)
        var body = body
        body.withUnsafeMutableBytes { bytes in
            _ = candlewick_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
        }
    }

    /// Runs the transfer.
    /// - Returns: `nil`, or why there was no answer.
    package func perform(_ transfer: Transfer) -> String? {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        candlewick_curl_set_headers(handle, list)
        candlewick_curl_on_body(
            handle,
            { bytes, size, count, context in
                CurlHandle.hand(bytes, size * count, to: context) { $0.take($1) }
            }, context)
        candlewick_curl_on_header(
            handle,
            { bytes, size, count, context in
                CurlHandle.hand(bytes, size * count, to: context) { $0.takeHeader($1) }
            }, context)
        if transfer.isCancelled != nil {
            candlewick_curl_on_progress(
                handle,
                { context, _, _, _, _ in
                    guard let context else { return 0 }
                    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                    return transfer.isCancelled?() == true ? 1 : 0
                }, context)
        }
        let result = curl_easy_perform(handle)
        return withExtendedLifetime(transfer) {
            result == CURLE_OK ? nil : reason(result)
        }
    }

    /// Hands bytes of libcurl on to the transfer of a context.
    /// - Returns: how many were taken, all or none.
    private static func hand(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, to context: UnsafeMutableRawPointer?,
        _ take: (Transfer, UnsafeRawBufferPointer) -> Bool
    ) -> Int {
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return take(transfer, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
    }

    /// What is wrong with a certificate decides what helps. The details of other failures hold times that
    /// would make each one new.
    private func reason(_ result: CURLcode) -> String {
        guard result == CURLE_PEER_FAILED_VERIFICATION, detail.pointee != 0 else {
            return String(cString: curl_easy_strerror(result))
        }
        return "the server's certificate is refused: \(String(cString: detail))"
    }

    /// Of the answer; 0 without one.
    package var status: Int { candlewick_curl_status(handle) }
}
