internal import Foundation
internal import Host
internal import MarketData
internal import TLCP

/// Writes what is exchanged on the streaming connection into a file of its own, without its secrets.
/// Source: docs/formats.md § 6.
///
/// Gathers the lines of a burst and writes them at once. A file that cannot be written ends with its last
/// whole burst.
///
/// - Note: Data thread only.
final class StreamCapture {
    /// The first line.
    static let header = "candlewick-capture 1"

    /// The parameters of our requests that are written; all others may be secrets.
    private static let open: Set<String> = [
        "LS_reqId", "LS_op", "LS_subId", "LS_mode", "LS_group", "LS_schema", "LS_data_adapter", "LS_snapshot",
        "LS_requested_max_frequency", "LS_requested_buffer_size", "LS_adapter_set", "LS_recovery_from",
        "LS_keepalive_millis", "LS_send_sync", "LS_content_length", "LS_supported_diffs", "LS_close_socket", "LS_cause",
    ]
    /// The parameters whose values are never written, from either side.
    private static let secret: Set<String> = ["LS_user", "LS_password"]

    private let path: String
    private let descriptor: Int32
    private var buffer = Array("\(StreamCapture.header)\n".utf8)
    /// Bytes of whole bursts in the file.
    private var written = 0
    private var transport: TransportID?
    private var reader = LineReader()
    private var secrets: [String] = []
    private var sessions: [String] = []

    /// Makes the file, for its owner only.
    /// - Throws: `Failure` (64) if the file exists, (74) if it cannot be made.
    convenience init(path: String) throws {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            guard code != EEXIST else {
                throw Failure(.usage, "\(path) exists: name a new file for the capture")
            }
            throw Failure(.io, "capture \(path) cannot be made: \(systemMessage(code))")
        }
        self.init(path: path, descriptor: descriptor)
    }

    /// - Parameter descriptor: of the new file; closed at the end.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// A file of no lines is not left behind.
    deinit {
        close(descriptor)
        if written == 0 { unlink(path) }
    }

    // MARK: What is exchanged

    /// What the session wants is being done.
    func carriedOut(_ action: SessionAction, at time: UTCNanos) {
        switch action {
        case .openWebSocket(let id, let endpoint, _): opened(id, "websocket", endpoint, time)
        case .openStream(let id, let endpoint, let path, let body):
            opened(id, "http", endpoint, time)
            request(path, body, time)
        case .post(_, _, let path, let body): request(path, body, time)
        case .send(_, let message):
            let name = message.prefix { $0 != 0x0D }
            request(String(decoding: name, as: UTF8.self), Array(message.dropFirst(name.count)), time)
        case .close(let id): ended(id, reason: "closed by us", at: time)
        }
    }

    /// Bytes of the stream. Those of a connection that was given up do not count.
    func received(_ bytes: UnsafeRawBufferPointer, from id: TransportID, at time: UTCNanos) {
        guard id == transport else { return }
        var rest = bytes
        while let piece = reader.next(&rest) {
            if case .line(let line) = piece, !line.isEmpty { serverLine(line, time) }
        }
    }

    /// What answered a control request on a connection of its own.
    func answered(_ body: [UInt8], at time: UTCNanos) {
        for line in body.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            line.withUnsafeBytes { serverLine($0, time) }
        }
    }

    func ended(_ id: TransportID, reason: String, at time: UTCNanos) {
        guard id == transport else { return }
        transport = nil
        add(time, "!", "end \(withoutSecrets(reason))")
    }

    /// Writes the burst.
    /// - Throws: `Failure` (74); nothing may be written after it.
    func flush() throws {
        guard !buffer.isEmpty else { return }
        let count = buffer.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count == buffer.count else {
            let reason = count < 0 ? systemMessage(errno) : "the disk is full"
            // Of a burst that is not whole nothing can be played.
            ftruncate(descriptor, off_t(written))
            throw Failure(.io, "capture \(path) cannot be written: \(reason)")
        }
        written += count
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Lines

    private func opened(_ id: TransportID, _ kind: String, _ endpoint: Endpoint, _ time: UTCNanos) {
        transport = id
        reader.reset()
        add(time, "!", "open \(kind) \(endpoint)")
    }

    /// - Parameter name: of the request, or its path on HTTP.
    private func request(_ name: String, _ body: [UInt8], _ time: UTCNanos) {
        let name = name.drop { $0 == "/" }.prefix { $0 != "." }
        let lines = body.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
        if lines.isEmpty { add(time, ">", String(name)) }
        for line in lines {
            let parts = String(decoding: line, as: UTF8.self).split(separator: "&")
            for part in parts { learn(part) }
            let shown = parts.filter { Self.open.contains(String($0.prefix { $0 != "=" })) }
            add(time, ">", "\(name) \(shown.joined(separator: "&"))")
        }
    }

    /// What is a secret in a request is one in its answer too.
    private func learn(_ parameter: Substring) {
        let parts = parameter.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, Self.secret.contains(String(parts[0])) else { return }
        let value = parts[1].removingPercentEncoding ?? String(parts[1])
        // The stream's password is made of two tokens. Source: `ig-api` § 9.2.
        let tokens = value.split(separator: "|").map { $0.split(separator: "-", maxSplits: 1).last ?? $0 }
        for secret in [value] + tokens.map(String.init) where !secrets.contains(secret) {
            secrets.append(secret)
        }
    }

    private func serverLine(_ line: UnsafeRawBufferPointer, _ time: UTCNanos) {
        let text = String(decoding: line, as: UTF8.self)
        // An update has nothing but what the market says.
        guard !text.hasPrefix("U,") else { return add(time, "<", text) }
        let parts = text.split(separator: ",", maxSplits: 2)
        if parts.count > 1, parts[0] == "CONOK", !sessions.contains(String(parts[1])) {
            sessions.append(String(parts[1]))
        }
        add(time, "<", withoutSecrets(text))
    }

    private func withoutSecrets(_ text: String) -> String {
        let named = sessions.enumerated().reduce(text) { text, session in
            text.replacingOccurrences(of: session.element, with: "session-\(session.offset + 1)")
        }
        return secrets.reduce(named) { $0.replacingOccurrences(of: $1, with: "(secret)") }
    }

    private func add(_ time: UTCNanos, _ direction: String, _ text: String) {
        buffer += "\(time.rawValue) \(direction) \(text)\n".utf8
    }
}

@available(*, unavailable)
extension StreamCapture: Sendable {}
