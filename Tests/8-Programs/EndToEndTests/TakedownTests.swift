import Foundation
import Testing
import TestKit

/// Other programs cannot take a stage down, and a limit of the system ends it with a sentence.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TakedownTests {
    private func startAggregator(_ pipeline: Pipeline) async throws -> (program: RunningProgram, socket: String) {
        let program = try await pipeline.start("aggregator", ready: false)
        _ = try await program.ready()
        return (program, "\(pipeline.folder.path)/run/candles.ipc")
    }

    private func memoryMegabytes(_ program: RunningProgram) throws -> Int {
        let status = String(decoding: fileBytes("/proc/\(program.processID)/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) / 1_024
    }

    private func descriptors(_ program: RunningProgram) -> Int {
        folderNames("/proc/\(program.processID)/fd").count
    }

    @Test func `more connections than a stage lets in are closed; the stage logs this and goes on`() async throws {
        let pipeline = Pipeline()
        let (program, socket) = try await startAggregator(pipeline)
        let own = descriptors(program)
        let peers = try (0..<1_200).map { _ in try RawPeer(path: socket) }
        try await eventually("all others are turned away", within: .seconds(20)) {
            peers.count { $0.isClosed } == 1_200 - 256
        }
        #expect(descriptors(program) <= own + 256)
        try await eventually("it says so", within: .seconds(5)) {
            program.standardError.contains("Readers refused")
        }
        // Places become free again.
        for peer in peers { peer.close() }
        try await eventually("their descriptors are free", within: .seconds(10)) { descriptors(program) <= own + 2 }
        let late = try RawPeer(path: socket)
        try await eventually("a late one is greeted", within: .seconds(5)) { late.hasGreeting }
        program.terminate()
        #expect(try await program.ended(within: .seconds(5)) == 0)
    }

    @Test(arguments: [UInt64(99), 1_500 << 20])
    func `a peer that sends without end is cut off, and costs no memory`(frameSize: UInt64) async throws {
        let pipeline = Pipeline()
        let (program, socket) = try await startAggregator(pipeline)
        let before = try memoryMegabytes(program)
        let peer = try RawPeer(path: socket)
        try await eventually("it is greeted", within: .seconds(5)) { peer.hasGreeting }
        let sent = peer.sendSubscriptions(frameSize: frameSize, upTo: 64 << 20)
        // The system's buffers of a socket come on top of the read bytes.
        #expect(sent < 2 << 20)
        #expect(try memoryMegabytes(program) < before + 20)
        program.terminate()
        #expect(try await program.ended(within: .seconds(5)) == 0)
    }

    @Test(arguments: ["aggregator", "store-writer"])
    func `a limit of file sizes ends a stage with a sentence`(stage: String) async throws {
        let pipeline = Pipeline()
        let line = "ulimit -f 0; exec \(RunningProgram.folder)/\(stage)"
        let (code, _, errors) = try await pipeline.result("/bin/sh", ["-c", line])
        #expect(code == 74)
        #expect(errors.contains("File too large"), "\(errors)")
    }

    @Test func `a limit of descriptors that is too low is refused at the start`() async throws {
        let pipeline = Pipeline()
        let line = "ulimit -n 100; exec \(RunningProgram.folder)/aggregator"
        let (code, _, errors) = try await pipeline.result("/bin/sh", ["-c", line])
        #expect(code == 74)
        #expect(errors.contains("100 open files are allowed and 512 are needed"), "\(errors)")
    }

    @Test func `a proxy of the environment does not see what goes to this machine`() async throws {
        let proxy = ClosingServer()
        let address = "http://127.0.0.1:\(proxy.port)"
        let pipeline = Pipeline(extra: ["http_proxy": address, "https_proxy": address, "all_proxy": address])
        pipeline.configure("instruments: [EUR_USD]\n")
        try await pipeline.start("ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00"])
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await eventually("it streams, or asks the proxy", within: .seconds(20)) {
            proxy.turnAway()
            return proxy.count > 0 || ingest.standardOutput.contains("READY")
        }
        #expect(proxy.count == 0)
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(5)) == 0)
    }
}

/// A connection to a Unix socket that speaks ZMTP 3.0 by hand.
private final class RawPeer {
    private var descriptor: Int32

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = descriptor
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected else { throw TimeOut(description: "no connection: \(String(cString: strerror(errno)))") }
        send(greeting)
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Whether the other side has closed.
    var isClosed: Bool {
        var request = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&request, 1, 0) > 0
    }

    /// Whether the other side speaks.
    var hasGreeting: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1
    }

    /// Signature, version 3.0, mechanism NULL, then the command READY of a SUB socket.
    private var greeting: [UInt8] {
        let head = [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 0]
        let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16 + 32)
        let ready = Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{3}SUB".utf8)
        return head + mechanism + [4, UInt8(ready.count)] + ready
    }

    @discardableResult
    private func send(_ bytes: [UInt8]) -> Bool {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Sends subscriptions, each other than the one before it, until the connection ends.
    /// - Returns: bytes that were sent.
    func sendSubscriptions(frameSize: UInt64, upTo limit: Int) -> Int {
        var sent = 0
        while sent < limit {
            var size = frameSize.bigEndian
            let head = [2] + withUnsafeBytes(of: &size) { Array($0) }
            var body = [1] + Array("\(sent)".utf8)
            body += [UInt8](repeating: 0x78, count: Int(min(frameSize, 65_536)) - body.count)
            guard send(sent == 0 || frameSize < 65_536 ? head + body : body) else { return sent }
            sent += body.count
        }
        return sent
    }
}
