import Foundation
import Synchronization
import TestKit

/// Passes connections on and keeps every byte that went through, in both directions.
final class Forwarder: Sendable {
    enum Target: Sendable {
        case port(UInt16)
        case path(String)
    }

    /// The first of its ports, which follow each other.
    let port: UInt16
    private let collected = Mutex<[UInt8]>([])
    private let listeners: [Int32]

    var bytes: [UInt8] { collected.withLock { $0 } }

    init(to targets: [Target]) throws {
        for _ in 0..<100 {
            let first = listenOnLoopback()
            let rest = targets.indices.dropFirst().map { Forwarder.listen(first.port + UInt16($0)) }
            if rest.allSatisfy({ $0 != nil }) {
                (port, listeners) = (first.port, [first.descriptor] + rest.compactMap { $0 })
                for (listener, target) in zip(listeners, targets) { accept(listener, target) }
                return
            }
            for descriptor in [first.descriptor] + rest.compactMap({ $0 }) { close(descriptor) }
        }
        throw TimeOut(description: "no free ports in sequence")
    }

    deinit { for listener in listeners { shutdown(listener, Int32(SHUT_RDWR)) } }

    /// - Returns: `nil` if the port is taken.
    private static func listen(_ port: UInt16) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let isListening = withAddress(port) { bind(descriptor, $0, $1) == 0 && Glibc.listen(descriptor, 16) == 0 }
        if !isListening { close(descriptor) }
        return isListening ? descriptor : nil
    }

    private static func withAddress<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    private static func connect(_ target: Target) -> Int32? {
        let descriptor: Int32
        let isConnected: Bool
        switch target {
        case .port(let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            isConnected = withAddress(port) { Glibc.connect(descriptor, $0, $1) == 0 }
        case .path(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
        }
        if !isConnected { close(descriptor) }
        return isConnected ? descriptor : nil
    }

    private func accept(_ listener: Int32, _ target: Target) {
        Thread.detachNewThread { [weak self] in
            while case let peer = Glibc.accept(listener, nil, nil), peer >= 0 {
                guard let self, let other = Forwarder.connect(target) else {
                    close(peer)
                    continue
                }
                pass(peer, other)
                pass(other, peer)
            }
            close(listener)
        }
    }

    /// Until one side ends; then the other ends too. Descriptors stay open until the process ends: each has two users.
    private func pass(_ from: Int32, _ to: Int32) {
        Thread.detachNewThread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = recv(from, &buffer, buffer.count, 0), count > 0 {
                self?.collected.withLock { $0 += buffer[..<count] }
                var sent = 0
                while sent < count, case let more = send(to, Array(buffer[sent..<count]), count - sent, 0x4000),
                    more > 0
                {
                    sent += more
                }
            }
            shutdown(from, Int32(SHUT_RDWR))
            shutdown(to, Int32(SHUT_RDWR))
        }
    }
}
