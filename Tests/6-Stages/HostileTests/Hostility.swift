import Testing
import TestKit

/// A fault of the broker, with its name in test reports.
struct Hostility: Sendable, CustomTestStringConvertible {
    let name: String
    let act: @Sendable (HostileWorld, inout SplitMix) -> Void

    var testDescription: String { name }

    init(_ name: String, _ act: @escaping @Sendable (HostileWorld, inout SplitMix) -> Void) {
        self.name = name
        self.act = act
    }

    private static func item(_ random: inout SplitMix) -> Int { Int.random(in: 0..<3, using: &random) }
    private static let minute: Int64 = 60 * HostileBroker.second

    /// Everything that lasts ends.
    static func calm(_ world: HostileWorld) {
        world.broker.silence = nil
        world.hostError = 0
        (world.broker.heartbeatError, world.broker.tickError) = (0, 0)
        (world.broker.nextHeartbeatError, world.broker.nextTickError) = (0, 0)
        world.broker.oneSidedEvery = 0
        (world.broker.hasHeartbeat, world.broker.holdsTicks) = (true, false)
        world.broker.refusedUntil = [:]
        (world.broker.refusesRecovery, world.broker.cutsAfterAdd) = (false, false)
        if !world.broker.endsSnapshots { world.broker.endSnapshots() }
        for item in 0..<3 { world.broker.limit(item, nil) }
    }

    static let all: [Hostility] = subscriptions + times + silences + connections + updates

    private static let subscriptions = [
        Hostility("unsubscribes a pair and takes it again") { world, random in
            world.broker.unsubscribe(item(&random), refusedFor: 0)
            world.pass(90)
        },
        Hostility("unsubscribes a pair and refuses it for minutes") { world, random in
            world.broker.unsubscribe(item(&random), refusedFor: 150)
            world.pass(30)
        },
        Hostility("unsubscribes every pair at once") { world, random in
            for item in 0..<3 { world.broker.unsubscribe(item, refusedFor: Double.random(in: 0...90, using: &random)) }
            world.pass(100)
        },
        Hostility("ends the heartbeat's subscription") { world, _ in
            world.broker.unsubscribe(-1, refusedFor: 70)
            world.pass(150)
        },
        Hostility("refuses a pair at the start of a session") { world, random in
            world.broker.refusedUntil[item(&random)] = world.broker.now + 3 * minute
            world.broker.end(code: 48)
            world.pass(30)
        },
        Hostility("unsubscribes a pair and loses the session") { world, random in
            world.broker.unsubscribe(item(&random), refusedFor: 40)
            world.pass(10)
            world.broker.forget()
            world.pass(20)
        },
        Hostility("limits a pair to one update in ten seconds") { world, random in
            let item = item(&random)
            world.broker.limit(item, 0.1)
            world.pass(40)
            world.broker.limit(item, nil)
            world.pass(5)
        },
        Hostility("limits a pair for good") { world, random in
            world.broker.limit(item(&random), 0.1)
            world.pass(60)
        },
        Hostility("freezes a pair") { world, random in
            world.broker.freeze(item(&random))
            world.pass(200)
        },
        Hostility("confirms a subscription that was not requested") { world, _ in
            world.broker.sendZombie()
            world.pass(5)
        },
        Hostility("never ends a snapshot") { world, random in
            world.broker.endsSnapshots = false
            world.broker.unsubscribe(item(&random), refusedFor: 0)
            world.pass(200)
        },
        Hostility("ends the snapshots of a session late") { world, random in
            world.broker.endsSnapshots = false
            world.broker.end(code: 48)
            world.pass(Double.random(in: 1...40, using: &random))
            world.broker.endSnapshots()
            world.pass(20)
        },
        Hostility("sends an update with a field too few") { world, random in
            world.broker.sendShortUpdate(item(&random))
            world.pass(10)
        },
    ]

    private static func heartbeat(off seconds: Int64, _ name: String) -> Hostility {
        Hostility("sends \(name) in one heartbeat") { world, _ in
            world.broker.nextHeartbeatError = seconds * HostileBroker.second
            world.pass(5)
        }
    }

    private static func tick(off seconds: Int64, _ name: String) -> Hostility {
        Hostility("stamps one tick with \(name)") { world, _ in
            world.broker.nextTickError = seconds * HostileBroker.second
            world.pass(15)
        }
    }

    private static let times = [
        heartbeat(off: 2_300_000_000, "a time in 2099"), heartbeat(off: 3_540, "59 minutes ahead"),
        heartbeat(off: -86_400, "yesterday"), tick(off: 2_300_000_000, "a time in 2099"),
        tick(off: 3_540, "59 minutes ahead"), tick(off: 20, "20 seconds ahead"), tick(off: -1_800, "half an hour ago"),
        Hostility("sends 2099 twice in mid-session") { world, _ in
            for _ in 0..<2 {
                world.broker.nextHeartbeatError = 2_300_000_000 * HostileBroker.second
                world.pass(1.1)
            }
            world.pass(5)
        },
        Hostility("sends 2099 at the start of a session") { world, random in
            world.broker.nextHeartbeatError = 2_300_000_000 * HostileBroker.second
            if Bool.random(using: &random) { world.broker.tickError = 2_300_000_000 * HostileBroker.second }
            world.broker.end(code: 48)
            world.pass(8)
            world.broker.tickError = 0
            world.pass(20)
        },
        Hostility("sends an hour ahead in every heartbeat for a while") { world, random in
            world.broker.heartbeatError = 3_600 * HostileBroker.second
            world.pass(Double.random(in: 5...100, using: &random))
            world.broker.heartbeatError = 0
            world.pass(70)
        },
        Hostility("stamps every tick an hour ahead for a while") { world, random in
            world.broker.tickError = 3_600 * HostileBroker.second
            world.pass(Double.random(in: 5...100, using: &random))
            world.broker.tickError = 0
            world.pass(70)
        },
        Hostility("has a clock that is an hour ahead for a while") { world, random in
            let error = Int64.random(in: 600...7_200, using: &random) * HostileBroker.second
            (world.broker.heartbeatError, world.broker.tickError) = (error, error)
            world.pass(Double.random(in: 5...100, using: &random))
            (world.broker.heartbeatError, world.broker.tickError) = (0, 0)
            world.pass(70)
        },
        Hostility("lets its heartbeat drift") { world, _ in
            for _ in 0..<40 {
                world.broker.heartbeatError += 2 * HostileBroker.second
                world.pass(1)
            }
            world.broker.heartbeatError = 0
            world.pass(70)
        },
        Hostility("is met by a host whose clock steps") { world, random in
            world.hostError = Int64.random(in: -7_200...7_200, using: &random) * HostileBroker.second
            world.pass(20)
        },
    ]

    private static let silences = [
        Hostility("sends PROBEs alone") { world, random in
            world.broker.silence = .probes
            world.pass(Double.random(in: 6...120, using: &random))
            world.broker.silence = nil
            world.pass(10)
        },
        Hostility("sends nothing for seconds") { world, random in
            world.broker.silence = .whole
            world.pass(Double.random(in: 5.5...9, using: &random))
            world.broker.cut()
            world.broker.silence = nil
            world.broker.forget()
            world.pass(20)
        },
        Hostility("sends a line without an end") { world, _ in
            world.broker.silence = .endlessLine
            world.pass(30)
            world.broker.silence = nil
            world.broker.forget()
            world.pass(20)
        },
        Hostility("stops the heartbeat and goes on with ticks") { world, _ in
            world.broker.hasHeartbeat = false
            world.pass(60)
            world.broker.hasHeartbeat = true
            world.pass(10)
        },
        Hostility("stops ticks and heartbeat while PROBEs go on") { world, _ in
            (world.broker.hasHeartbeat, world.broker.holdsTicks) = (false, true)
            world.pass(45)
            (world.broker.hasHeartbeat, world.broker.holdsTicks) = (true, false)
            world.pass(10)
        },
        Hostility("shuts the market for a while") { world, _ in
            world.broker.isOpen = false
            world.pass(120)
            world.broker.isOpen = true
            world.pass(10)
        },
    ]

    private static let connections = [
        Hostility("cuts the connection and recovers it") { world, _ in
            world.broker.cut()
            world.pass(8)
        },
        Hostility("cuts and keeps no position") { world, _ in
            world.broker.refusesRecovery = true
            world.broker.cut()
            world.pass(15)
            world.broker.refusesRecovery = false
        },
        Hostility("forgets the session") { world, _ in
            world.broker.forget()
            world.pass(20)
        },
        Hostility("asks for a rebind") { world, _ in
            world.broker.loop()
            world.pass(5)
        },
        Hostility("ends the session") { world, random in
            world.broker.end(code: [48, 31, 40, 8].randomElement(using: &random)!)
            world.pass(120)
        },
        Hostility("cuts between a request and its answer") { world, random in
            world.broker.unsubscribe(item(&random), refusedFor: 0)
            world.broker.cutsAfterAdd = true
            world.pass(90)
        },
        Hostility("cuts again and again") { world, _ in
            for _ in 0..<5 {
                world.broker.cut()
                world.pass(1.5)
            }
            world.pass(10)
        },
        Hostility("meets an ingest-stream that is killed") { world, _ in
            world.restart()
            world.pass(20)
        },
        Hostility("sends 2099 to an ingest-stream that starts") { world, _ in
            world.broker.nextHeartbeatError = 2_300_000_000 * HostileBroker.second
            world.restart()
            world.pass(20)
        },
    ]

    private static let updates = [
        Hostility("sends one tick of three with one side") { world, random in
            world.broker.oneSidedEvery = 3
            world.pass(Double.random(in: 10...200, using: &random))
            world.broker.oneSidedEvery = 0
        },
        Hostility("sends ticks with one side for good") { world, _ in
            world.broker.oneSidedEvery = 40
            world.pass(60)
        },
        Hostility("declares more updates lost than can be counted") { world, random in
            let item = item(&random)
            for _ in 0..<10 { world.broker.lose(item, count: "999999999999999999") }
            world.pass(10)
        },
        Hostility("has a clock that runs 1.4 s ahead") { world, _ in
            (world.broker.tickError, world.broker.heartbeatError) = (0, -1_400_000_000)
            world.pass(100)
        },
    ]
}
