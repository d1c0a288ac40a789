import Dispatch
import Host
import Inspection
import Synchronization
import TestKit
import Testing

@Suite struct GlanceTests {
    private let clock = SteppedClock()

    @Test func `a value holds for the pause, and for as many times as it took as its share says`() {
        let glance = Glance<Int>(share: 10, pause: .seconds(30))
        func look(_ value: Int, taking seconds: Int = 0) -> Int {
            glance.value(clock.clock) {
                clock.advance(by: .seconds(seconds))
                return value
            }
        }
        #expect(look(1) == 1)
        clock.advance(by: .seconds(29))
        #expect(look(2) == 1)
        clock.advance(by: .seconds(1))
        #expect(look(3, taking: 5) == 3)
        clock.advance(by: .seconds(49))
        #expect(look(4) == 3)
        clock.advance(by: .seconds(1))
        #expect(look(5) == 5)
    }

    private final class Work: Sendable {
        let begun = Atomic(0)
        let gate = DispatchSemaphore(value: 0)

        func make() -> Int {
            let number = begun.wrappingAdd(1, ordering: .relaxed).newValue
            gate.wait()
            return number
        }
    }

    @Test func `who asks for the latest gets the former value while one thread makes the next`() async throws {
        let (glance, work, clock) = (Glance<Int>(pause: .seconds(30)), Work(), clock.clock)
        #expect(glance.latest(clock, work.make) == nil)
        work.gate.signal()
        try await eventually("the first is made") { glance.latest(clock, work.make) == 1 }
        self.clock.advance(by: .seconds(30))
        for _ in 0..<100 { #expect(glance.latest(clock, work.make) == 1) }
        work.gate.signal()
        try await eventually("the next is made") { glance.latest(clock, work.make) == 2 }
        #expect(work.begun.load(ordering: .relaxed) == 2)
    }
}
