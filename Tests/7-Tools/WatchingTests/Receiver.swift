import Foundation
import Synchronization
import TestKit

/// An HTTP receiver on a free port of this machine. It answers as it is set to, and keeps what it got.
final class Receiver: Sendable {
    enum Manner: Sendable {
        /// With a status.
        case answers(Int)
        /// It takes the request and never answers.
        case hangs
        /// It redirects to another path of its own.
        case redirects
        /// It sends a byte of the answer now and then, without an end.
        case drips
    }

    struct Request: Sendable {
        let head: String
        let body: String
        /// `POST /path`.
        var line: String { head.split(separator: "\r\n").first.map { String($0.dropLast(" HTTP/1.1".count)) } ?? "" }
    }

    let port: UInt16
    private let descriptor: Int32
    private let manner: Mutex<Manner>
    private let taken = Mutex<[Request]>([])
    private let open = Mutex<[Int32]>([])

    init(_ manner: Manner = .answers(200)) {
        (descriptor, port) = listenOnLoopback()
        self.manner = Mutex(manner)
        Thread.detachNewThread { [descriptor, weak self] in
            while case let connection = accept(descriptor, nil, nil), connection >= 0 {
                guard let receiver = self else {
                    _ = close(connection)
                    return
                }
                receiver.open.withLock { $0.append(connection) }
                Thread.detachNewThread { receiver.serve(connection) }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    var url: String { "http://127.0.0.1:\(port)/a-token-77" }
    var requests: [Request] { taken.withLock { $0 } }

    func set(_ manner: Manner) { self.manner.withLock { $0 = manner } }

    /// Ends what hangs.
    func release() { open.withLock { for connection in $0 { shutdown(connection, Int32(SHUT_RDWR)) } } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while request(bytes) == nil {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count]
        }
        if let request = request(bytes) { taken.withLock { $0.append(request) } }
        switch manner.withLock({ $0 }) {
        case .answers(let status):
            send("HTTP/1.1 \(status) X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", connection)
        case .redirects:
            send("HTTP/1.1 302 X\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", connection)
        case .hangs: _ = read(connection, &buffer, 1)
        case .drips:
            send("HTTP/1.1 200 X\r\n\r\n", connection)
            var request = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            while poll(&request, 1, 100) == 0 { send("x", connection) }
        }
    }

    private func send(_ text: String, _ connection: Int32) {
        _ = Foundation.send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    private func request(_ bytes: [UInt8]) -> Request? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
        let size = length.flatMap { Int($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) } ?? 0
        let body = String(text[end.upperBound...])
        return body.utf8.count >= size ? Request(head: head, body: body) : nil
    }
}
