import Logging
import MarketData
import NIOCore
@testable import Simulation
import Testing
import TestKit

/// Bytes of a text, without trapping on anything.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func price(_ text: String) -> WirePrice { WirePrice(text: bytes(text)) ?? .null }

/// A tick at `millis` after `FixtureTime.start`.
func tick(_ millis: Int64, _ bid: String, _ ask: String) -> MarketTick {
    MarketTick(time: FixtureTime.start + millis * 1_000_000, bid: price(bid), ask: price(ask))
}

enum FixtureTime {
    /// 2014-05-01 00:00:00 UTC.
    static let start: Int64 = 1_398_902_400_000_000_000
}

/// A market of files: one list of ticks per pair.
func market(_ files: [(String, [MarketTick])]) -> Market {
    let pairs = files.compactMap { name, ticks in
        Pair(name).map { PairMarket(pair: $0, source: FileTicks(ticks)) }
    }
    return Market(
        pairs: pairs, start: FixtureTime.start, end: FixtureTime.start + 3_610 * 1_000_000_000,
        awaited: Set(pairs.map(\.pair)))
}

/// A connection that keeps what it was sent.
final class FakePeer: StreamPeer {
    let isHTTP: Bool
    var version: ProtocolVersion
    let address = "127.0.0.1"
    var lastSession: String?
    var isWritable = true
    private(set) var text = ""
    private(set) var isCut = false
    private(set) var isEnded = false

    init(isHTTP: Bool = false, version: ProtocolVersion) {
        self.isHTTP = isHTTP
        self.version = version
    }

    func reply(_ line: String) { text += line + "\r\n" }
    func send(_ lines: ByteBuffer) { text += String(buffer: lines) }
    func flush() {}
    func endStream() { isEnded = true }
    func cut() { isCut = true }
    func cut(within lines: ByteBuffer) {
        text += String(buffer: lines).prefix(lines.readableBytes / 2)
        isCut = true
    }
    func close() {}

    var lines: [String] { text.split(separator: "\r\n").map(String.init) }

    /// The lines since the last call.
    func take() -> [String] {
        defer { text = "" }
        return lines
    }
}

/// A stream server with one market, whose only valid login is `ABC12` with the password `secret`.
final class FakeBroker {
    let market: Market
    let server: StreamServer
    let version = ProtocolVersion("2.4.0")

    convenience init(_ files: [(String, [MarketTick])], limits: StreamLimits = StreamLimits()) {
        self.init(SimulationTests.market(files), limits: limits)
    }

    init(_ market: Market, limits: StreamLimits = StreamLimits()) {
        self.market = market
        server = StreamServer(
            market: market, limits: limits, seed: 1,
            logger: quietLogger()
        ) {
            user, password in
            user == "ABC12" && password == "secret" ? user : nil
        }
    }

    func peer(isHTTP: Bool = false, version text: String = "2.4.0") throws -> FakePeer {
        FakePeer(isHTTP: isHTTP, version: try #require(ProtocolVersion(text)))
    }

    func send(_ message: String, from peer: FakePeer, now: Int64 = 0) throws {
        server.handle(try StreamRequest(message: bytes(message)), from: peer, now: now)
    }

    /// Opens a session on a new WebSocket; gives the peer with nothing left to read.
    func session() throws -> FakePeer {
        let peer = try peer()
        try send("create_session\r\nLS_user=ABC12&LS_password=secret&LS_cid=c", from: peer)
        _ = peer.take()
        return peer
    }

    /// Lets the market run until nothing is due.
    func play() {
        while market.phase == .running, market.step(until: .max, budget: 100) > 0 {}
        server.flush()
    }
}
