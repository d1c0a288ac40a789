package import Host

/// What one transfer brings.
package final class Transfer {
    package private(set) var body: [UInt8] = []
    package private(set) var headers: [String: Secret] = [:]
    private let bodySizeMax: Int
    private var headersSize = 0
    /// Bytes of all headers of an answer, also of interim ones.
    private static let headersSizeMax = 256 << 10
    /// Takes the body's bytes as they come instead of `body`; false ends the transfer.
    package var onBytes: ((UnsafeRawBufferPointer) -> Bool)?
    /// Asked about once a second, and at each read: whether to end the transfer.
    package var isCancelled: (() -> Bool)?

    package init(bodySizeMax: Int) { self.bodySizeMax = bodySizeMax }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let onBytes { return onBytes(bytes) }
        guard bytes.count <= bodySizeMax - body.count else { return false }
        body.append(contentsOf: bytes)
        return true
    }

    /// One header line; a new status line begins anew.
    /// - Returns: false, which ends the transfer, where there are too many.
    func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headersSize += line.count
        guard headersSize <= Self.headersSizeMax else { return false }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            headers.removeAll()
            return true
        }
        guard let colon = text.firstIndex(of: ":") else { return true }
        let value = text[text.index(after: colon)...].drop { $0 == " " }
        headers[text[..<colon].lowercased()] = Secret(String(value.prefix { !$0.isNewline }))
        return true
    }
}
