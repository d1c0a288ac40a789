internal import Glibc
package import Host
internal import MarketData

extension Notice {
    /// This machine's name, without its domain.
    package static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "?" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return String(name.prefix { $0 != "." })
    }
}

extension Ways {
    /// How one way took a message.
    package struct Outcome: Sendable {
        package let way: String
        /// Why it failed; `nil` if it was sent.
        package let failure: String?
    }

    /// Sends one message over every way, one way after the other, each in bounded time.
    /// - Parameters:
    ///   - pauses: ms, each followed by another try after a failure.
    ///   - withPing: also the ping.
    package func deliver(
        _ notice: Notice, pauses: [Int32] = [], withPing: Bool = false, until stop: StopSignal
    ) -> [Outcome] {
        let all: [any Way] = self.all + (withPing ? ping.map { [$0] } ?? [] : [])
        return all.map { way in
            var failure = way.send(notice, isCancelled: { stop.isRaised })
            for pause in pauses where failure != nil && !stop.wait(milliseconds: pause) {
                failure = way.send(notice, isCancelled: { stop.isRaised })
            }
            return Outcome(way: way.name, failure: failure)
        }
    }
}
