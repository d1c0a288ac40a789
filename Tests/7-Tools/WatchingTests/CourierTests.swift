import Glibc
import Host
import Logging
import Synchronization
import TestKit
import Testing

@testable import Watching

/// A way that a test lets succeed, fail or hang.
private final class ScriptedWay: Way {
    enum Manner: Sendable { case takes, fails, hangs }
    let name = "scripted"
    private let manner: Mutex<Manner>
    private let tried = Mutex<[Notice]>([])

    init(_ manner: Manner) { self.manner = Mutex(manner) }

    var notices: [Notice] { tried.withLock { $0 } }
    func set(_ manner: Manner) { self.manner.withLock { $0 = manner } }

    func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String? {
        tried.withLock { $0.append(notice) }
        while true {
            switch manner.withLock({ $0 }) {
            case .takes: return nil
            case .fails: return "it fails"
            case .hangs:
                if isCancelled() { return "given up" }
                poll(nil, 0, 1)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct CourierTests {
    private let quick = Courier.Pauses(first: .milliseconds(1), longest: .milliseconds(5))

    private func courier(_ way: ScriptedWay, _ pauses: Courier.Pauses?) throws -> Courier {
        let courier = Courier(way, pauses: pauses, clock: .system, logger: quietLogger())
        try courier.start()
        return courier
    }

    @Test func `a message goes out once`() async throws {
        let way = ScriptedWay(.takes)
        let courier = try courier(way, quick)
        courier.post(Samples.appeared)
        try await eventually("it is sent") { courier.pending == nil }
        courier.stop()
        courier.waitForEnd(milliseconds: 10_000)
        #expect(way.notices == [Samples.appeared])
    }

    @Test func `what fails is tried again, and what comes meanwhile is one message with it`() async throws {
        let way = ScriptedWay(.fails)
        let courier = try courier(way, quick)
        courier.post(Samples.appeared)
        try await eventually("it is tried again") { way.notices.count >= 3 }
        courier.post(Samples.well)
        let whole = Samples.appeared.followed(by: Samples.well)
        try await eventually("both are tried together") { way.notices.last == whole }
        #expect(courier.pending == whole)
        way.set(.takes)
        try await eventually("it is sent") { courier.pending == nil }
        courier.stop()
        #expect(way.notices.last == whole)
    }

    @Test func `pauses grow up to a limit`() {
        let pauses = Courier.Pauses()
        #expect(
            (1...12).map { pauses.after($0).components.seconds } == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        #expect(pauses.after(1_000_000) == .seconds(300))
    }

    @Test func `posting never waits, and a send that hangs ends with the stop and is kept`() async throws {
        let way = ScriptedWay(.hangs)
        let courier = try courier(way, quick)
        courier.post(Samples.appeared)
        try await eventually("it hangs") { way.notices.count == 1 }
        for _ in 0..<1_000 { courier.post(Samples.repeated) }
        #expect(courier.pending == Samples.appeared.followed(by: Samples.repeated))
        courier.stop()
        courier.waitForEnd(milliseconds: 30_000)
        #expect(courier.pending == Samples.appeared.followed(by: Samples.repeated))
        #expect(way.notices.count == 1)
    }

    @Test func `without pauses what fails is dropped`() async throws {
        let way = ScriptedWay(.fails)
        let courier = try courier(way, nil)
        courier.post(Samples.well)
        try await eventually("it is tried") { way.notices.count == 1 && courier.pending == nil }
        courier.stop()
    }

    @Test func `a stop ends a long pause`() async throws {
        let way = ScriptedWay(.fails)
        let courier = try courier(way, .init(first: .seconds(3_600), longest: .seconds(3_600)))
        courier.post(Samples.well)
        try await eventually("it pauses") { way.notices.count == 1 && courier.pending == Samples.well }
        courier.stop()
        try await onOwnThread { courier.waitForEnd(milliseconds: 30_000) }
        #expect(courier.pending == Samples.well)
    }
}
