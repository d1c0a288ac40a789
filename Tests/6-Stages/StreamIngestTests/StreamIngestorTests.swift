import Host
import MarketData
@testable import StreamIngest
import Streams
import Testing
import TestKit
import TLCP
import Wire

/// The whole stage but for sockets, journal and clock.
@Suite struct StreamIngestorTests {
    @Test func `a session is opened, its items are asked for, and ticks become records`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        #expect(world.connections.takeLog() == ["websocket"])
        world.connect()
        #expect(world.connections.takeLog() == ["send wsok", "send create_session"])
        world.say("WSOK", "CONOK,S1,50000,5000,*")
        #expect(world.connections.takeLog() == ["send control add add add"])
        world.say("SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "EOS,2,1", "SUBOK,3,1,3", "EOS,3,1")
        world.say("U,2,1,1.1|1.2|1600000501000")
        #expect(
            world.take() == [
                "blind since 0", "clock @500.0", "session new", "blind 0 to 500", "EUR_USD 1.1 1.2 @501.0 0",
            ])
    }

    @Test func `what one read brings is one burst`() throws {
        let world = try IngestWorld()
        world.stream()
        let before = world.ticks.bursts.count
        world.say("U,2,1,1.1|1.2|1600000501000", "U,3,1,150|151|1600000501000", "U,1,1,1600000501")
        #expect(Array(world.ticks.bursts[before...]) == [3])
    }

    @Test func `the stage says once that it serves, when every subscription is answered`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,3")
        #expect(world.ready.all == [])
        world.say("SUBOK,3,1,3")
        #expect(world.ready.all == ["inproc://memory"])
        world.say("END,48,Session duration")
        world.loop.pass(1)
        world.connect()
        world.say("WSOK", "CONOK,S2,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,3", "SUBOK,3,1,3")
        #expect(world.ready.all.count == 1 && world.mailbox.takeProof())
    }

    @Test func `a cut is blind until the recovered session has caught up`() throws {
        let world = try IngestWorld()
        world.stream()
        world.cut()
        #expect(world.take() == ["blind since 498"])
        world.loop.pass(1)
        #expect(world.connections.takeLog() == ["websocket"])
        world.connect()
        #expect(world.connections.takeLog() == ["send wsok", "send bind_session"])
        world.say("WSOK", "CONOK,S1,50000,5000,*", "PROG,6", "U,2,1,1.1|1.2|1600000501000")
        world.beat(501)
        world.beat(502)
        #expect(
            world.take() == [
                "EUR_USD 1.1 1.2 @501.0 2", "session recovered", "clock @501.0", "blind 498 to 498", "clock @502.0",
            ])
    }

    @Test func `a session that is not recovered leaves a hole`() throws {
        let world = try IngestWorld()
        world.stream()
        world.cut()
        world.loop.pass(1)
        world.connect()
        world.say("WSOK", "CONERR,20,Session not found")
        world.loop.pass(2)
        world.connect()
        world.say("WSOK", "CONOK,S2,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,3", "EOS,2,1", "SUBOK,3,1,3", "EOS,3,1")
        world.say("U,1,1,1600000503")
        #expect(world.take() == ["blind since 498", "session replaced", "blind 498 to 503", "clock @503.0"])
    }

    @Test func `a connection that says nothing is cut, and another one opened`() throws {
        let world = try IngestWorld()
        world.stream()
        world.loop.pass(4)
        #expect(world.connections.takeLog() == [])
        world.loop.pass(20)
        let log = world.connections.takeLog()
        #expect(log.prefix(2) == ["close", "websocket"])
        // The local clock stands in from the sixth second on.
        #expect(world.take().prefix(2) == ["blind since 498", "clock @505.0 local"])
    }

    @Test func `a WebSocket that cannot be opened is followed by HTTP streaming`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.cut()
        #expect(world.connections.takeLog() == ["websocket", "stream"])
        world.say("CONOK,S1,50000,5000,*")
        #expect(world.connections.takeLog() == ["post"])
    }

    @Test func `a control request without an answer is sent again`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.cut()
        world.say("CONOK,S1,50000,5000,*")
        _ = world.connections.takeLog()
        let post = try #require(world.connections.lastPost)
        world.ingestor.posted(post, .failure(PostFailure(reason: "test")))
        world.loop.pass(5)
        #expect(world.connections.takeLog().contains("post"))
    }

    @Test func `a refused item is blind alone, and asked for again`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "EOS,2,1")
        world.say("REQERR,3,21,Invalid group")
        #expect(
            world.take() == [
                "blind since 0", "clock @500.0", "instrument refused", "blind since 0", "session new", "blind 0 to 500",
            ])
        #expect(world.ready.all.count == 1 && !world.mailbox.takeRequest())
        _ = world.connections.takeLog()
        for second in 501...561 { world.beat(second) }
        #expect(world.connections.takeLog() == ["send control add"])
    }

    @Test func `dead tokens ask for a login, and the next session goes where it leads`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONERR,1,User/password check failed")
        #expect(world.mailbox.takeRequest() && world.mailbox.failure == nil)
        world.loop.pass(60)
        #expect(world.state == "logging in")
        _ = world.connections.takeLog()
        world.ingestor.resume(IngestWorld.login("two"))
        #expect(world.connections.takeLog() == ["websocket"])
        #expect(world.connections.endpoint == Endpoint("https://two.example.com"))
    }

    @Test func `a session whose items are all refused asks for a login too`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONOK,S1,50000,5000,*")
        world.say("REQERR,1,-1,Invalid", "REQERR,2,-1,Invalid", "REQERR,3,-1,Invalid")
        #expect(world.mailbox.takeRequest() && !world.mailbox.takeProof() && world.ready.all == [])
    }

    @Test func `a refusal for good ends the stage with 69`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONERR,60,Client version not supported")
        #expect((world.mailbox.failure as? Failure)?.code == .unavailable)
    }

    @Test func `a write error ends the stage`() throws {
        let world = try IngestWorld()
        world.stream()
        #expect(world.mailbox.failure == nil)
        world.ticks.failure = MemoryOutput.Full()
        world.say("U,2,1,1.1|1.2|1600000501000")
        #expect(world.mailbox.failure is MemoryOutput.Full)
    }

    @Test func `native candles that cannot be kept stop no tick`() throws {
        let world = try IngestWorld(hasNative: true)
        world.stream()
        world.say("SUBOK,4,1,11", "U,4,1,\(Array(repeating: "#", count: 11).joined(separator: "|"))")
        world.native.failure = MemoryOutput.Full()
        world.say("U,4,1,1600000200000|1.1|1.3|1.0|1.2|1.11|1.31|1.01|1.21|1|25")
        world.say("U,2,1,1.1|1.2|1600000501000")
        #expect(world.mailbox.failure == nil)
        #expect(world.take() == ["EUR_USD 1.1 1.2 @501.0 0"])
        world.loop.pass(1)
        #expect(world.statuses.last?.outputs.count == 1)
    }

    @Test func `a stop ends the session, then says since when nothing is known`() throws {
        let world = try IngestWorld()
        world.stream()
        world.ingestor.stop()
        #expect(world.connections.takeLog() == ["send control destroy"])
        #expect(!world.ticks.isClosed)
        world.say("END,31,Destroyed")
        #expect(world.take() == ["blind since 498"])
        #expect(world.ticks.isClosed && world.connections.isClosed && world.mailbox.failure == nil)
    }

    @Test func `a status goes out once a second, with what was counted`() throws {
        let world = try IngestWorld()
        world.stream()
        let before = world.statuses.count
        world.say("U,2,1,1.1|1.2|1600000501000")
        for second in 501...505 { world.beat(second) }
        #expect(world.statuses.count == before + 5)
        let last = try #require(world.statuses.last)
        #expect(last.state == "streaming" && last.outputs.first?.position == world.ticks.lastPosition - 1)
    }

    @Test func `its status has each pair's ticks and refusals, the items and the state`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        world.connect()
        world.say("WSOK", "CONOK,S1,50000,5000,*")
        world.say("SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3", "EOS,2,1", "REQERR,3,21,Invalid group")
        world.say("U,2,1,1.1|1.2|1600000501000", "U,2,1,1.1|1.3|1600000501100")
        world.mailbox.noteRefusedLogin()
        world.beat(501)
        let metrics = try #require(world.statuses.last).metrics
        let (euro, yen) = ("EUR_USD", "USD_JPY")
        #expect(metrics.all(.pairTicks) == [euro: 2, yen: 0])
        #expect(metrics.all(.pairSubscribed) == [euro: 1, yen: 0])
        #expect(metrics.all(.pairRefusals) == [euro: 0, yen: 1] && metrics.all(.pairBlind) == [euro: 0, yen: 1])
        #expect(metrics[.items] == 2 && metrics[.itemsLimit] == 40)
        #expect(metrics.all(.feedState).filter { $0.value == 1 } == ["streaming": 1])
        #expect(metrics.all(.feedState).count == IngestState.allCases.count)
        #expect(metrics[.loginsRefused] == 1 && metrics.all(.journalSync) == ["ticks": 0.003])
    }

    @Test func `the pairs that were streamed are known to the next start`() throws {
        let world = try IngestWorld()
        world.ingestor.start()
        #expect(FormerPairs(stateFolder: world.folder.path).read() == Set(IngestWorld.instruments.map(\.pair)))
    }
}

/// The look of `--check` at the stream.
@Suite struct StreamProbeTests {
    private struct World {
        let loop = ManualLoop()
        let connections = ScriptedConnections()
        let probe: StreamProbe

        init() {
            probe = StreamProbe(
                login: IngestWorld.login("one"), instruments: IngestWorld.instruments, clock: loop.clock, loop: loop,
                connections: connections, seed: 1)
            probe.start()
            if let id = connections.newest { probe.opened(id) }
        }

        func say(_ lines: String...) {
            guard let id = connections.newest else { return }
            let text = lines.map { $0 + "\r\n" }.joined()
            Array(text.utf8).withUnsafeBytes { probe.received($0, from: id) }
            probe.burstEnded()
        }
    }

    @Test func `a stream in which every item sends is left at once`() throws {
        let world = World()
        world.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "SUBOK,2,1,3", "SUBOK,3,1,3", "U,1,1,1600000500")
        world.loop.pass(2)
        world.say("U,2,1,1.1|1.2|1600000501000", "CONF,3,2.0,filtered")
        #expect(world.probe.report == nil)
        world.say("U,3,1,150|151|1600000501000")
        world.say("END,31,Destroyed")
        let report = try #require(world.probe.report)
        #expect(report.failure == nil && report.isOnWebSocket)
        #expect(report.heartbeat?.told.seconds == 1_600_000_500)
        #expect(report.items.map(\.answer) == [.accepted(limit: nil), .accepted(limit: nil), .accepted(limit: "2.0")])
        #expect(report.items[1].first?.nanoseconds == 2 * UTCNanos.perSecond)
        #expect(world.connections.isClosed)
    }

    @Test func `an item that is silent is given ten seconds, and a refused one none`() throws {
        let world = World()
        world.say("WSOK", "CONOK,S1,50000,5000,*", "SUBOK,1,1,1", "U,1,1,1600000500", "SUBOK,2,1,3")
        world.say("REQERR,3,21,Invalid group")
        for _ in 0..<9 {
            world.loop.pass(1)
            world.say("PROBE")
        }
        #expect(!world.connections.takeLog().contains("send control destroy"))
        world.loop.pass(2)
        #expect(world.connections.takeLog().contains("send control destroy"))
        world.say("END,31,Destroyed")
        let report = try #require(world.probe.report)
        #expect(report.items[1].first == nil && report.items[2].answer == .refused(code: 21, text: "Invalid group"))
    }

    @Test func `a broker that gives no session is a failure`() throws {
        let world = World()
        world.say("WSOK", "CONERR,1,User/password check failed")
        let report = try #require(world.probe.report)
        #expect(report.failure == "code 1 User/password check failed")
    }
}
