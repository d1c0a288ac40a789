import ArgumentParser
import Foundation
import Host
import MarketData
import Streams
import Wire

/// One record a message, from one process to another.
struct Send: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Publishes ticks for `bench receive`.")

    @Argument(help: "ipc://PATH") var endpoint: String
    @Option var count = 2_000_000

    func run() throws {
        let stop = try StopSignal()
        let publisher = try Publisher(
            context: try BusContext(), endpoint: endpoint, slowReaders: .areWaitedFor(until: stop))
        guard publisher.waitForReader(until: stop) else { return }
        let time = UTCNanos(rawValue: 1_778_544_000_000_000_000)
        var record = TickRecord(
            Pair.crosses[0], brokerTime: time, receiveTime: time, bid: Price(rawValue: 1_100_000_000),
            ask: Price(rawValue: 1_100_080_000))
        for position in 1...UInt64(count) {
            record.position = position
            withUnsafeBytes(of: record) { publisher.send($0) }
        }
        // A socket that is closed early may lose what a slow reader has not had: the reader ends first.
        while !stop.wait(milliseconds: 1_000) {}
    }
}

/// The other end of `bench send`: measured from the first to the last message.
struct Receive: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Receives what `bench send` publishes.")

    @Argument(help: "ipc://PATH") var endpoint: String
    @Option var count = 2_000_000

    func run() throws {
        let subscriber = try Subscriber(context: try BusContext(), endpoint: endpoint)
        var received = 0
        var began: Int64 = 0
        while received < count {
            subscriber.wait(milliseconds: 1_000, stop: -1)
            while received < count,
                try subscriber.receive({ message in
                    received += 1
                    guard RecordBytes.position(message) == UInt64(received) else {
                        throw Failure(.badData, "message \(received) has position \(RecordBytes.position(message))")
                    }
                })
            {
                if received == 1 { began = Clock.system.monotonic() }
            }
        }
        let seconds = Double(Clock.system.monotonic() - began) / 1e9
        try report(Throughput(count: received - 1, seconds: seconds))
    }
}
