import Foundation
import Glibc
import TestKit

/// HTTP of this machine: hands out each request, and sends the answer. One line each; it closes behind its answer.
///
/// - Note: While a request waits for its answer, only the server's thread touches what `answer` uses.
final class LoopbackHTTP: @unchecked Sendable {
    struct Request {
        let method: String
        /// With its query.
        let uri: String
        /// Names in lower case.
        let headers: [String: String]
        let body: String
    }

    struct Answer {
        var status = 200
        var headers: [(name: String, value: String)] = []
        var body = ""
    }

    let port: UInt16
    /// - Returns: `nil`: the line closes without an answer.
    var answer: (Request) -> Answer? = { _ in nil }
    private let listener: Int32

    init() {
        (listener, port) = listenOnLoopback()
        Thread { [listener, weak self] in
            while case let line = accept(listener, nil, nil), line >= 0 {
                self?.serve(line)
                close(line)
            }
        }.start()
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ line: Int32) {
        guard let request = read(line), let answer = answer(request) else { return }
        let head = ["HTTP/1.1 \(answer.status) x", "Connection: close"]
        let fields = answer.headers.map { "\($0.name): \($0.value)" } + ["Content-Length: \(answer.body.utf8.count)"]
        let text = (head + fields).joined(separator: "\r\n") + "\r\n\r\n" + answer.body
        _ = send(line, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    private func read(_ line: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
            if parts.count > 1 {
                let lines = parts[0].components(separatedBy: "\r\n")
                let fields = lines.dropFirst().map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
                let headers = Dictionary(
                    fields.filter { $0.count == 2 }.map {
                        ($0[0].lowercased(), $0[1].trimmingCharacters(in: .whitespaces))
                    }
                ) { first, _ in first }
                if parts[1].utf8.count >= Int(headers["content-length"] ?? "0") ?? 0 {
                    let words = lines[0].split(separator: " ").map(String.init)
                    return Request(method: words[0], uri: words[1], headers: headers, body: parts[1])
                }
            }
            let count = recv(line, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}
