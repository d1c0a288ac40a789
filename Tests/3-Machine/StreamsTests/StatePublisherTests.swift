import Host
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// A publisher whose messages take the place of earlier ones.
@Suite struct StatePublisherTests {
    private let folder = TemporaryFolder()
    private var endpoint: String { "ipc://\(folder.path)/state.ipc" }

    @Test func `each new reader is reported once, also one with the topic of another`() async throws {
        let context = try BusContext()
        let publisher = try Publisher(context: context, endpoint: endpoint, showsState: true)
        #expect(!publisher.hasNewReader())
        for number in 1...2 {
            let reader = try Subscriber(context: context, endpoint: endpoint, topics: ["FORM"])
            try await eventually("reader \(number) is reported") { publisher.hasNewReader() }
            #expect(!publisher.hasNewReader())
            Array("FORM \(number)".utf8).withUnsafeBytes { publisher.send($0) }
            var heard: [String] = []
            try await eventually("reader \(number) hears") {
                while reader.receive({ heard.append(String(decoding: $0, as: UTF8.self)) }) {}
                return heard == ["FORM \(number)"]
            }
        }
    }

    @Test func `a reader of one name hears nothing of a longer name that begins with it`() async throws {
        let context = try BusContext()
        let publisher = try Publisher(context: context, endpoint: endpoint, showsState: true)
        let topics = ["DE40", "DE40X"].map { RecordKind.forming.topic(of: Pair($0)) }
        let reader = try Subscriber(context: context, endpoint: endpoint, topics: [topics[0]])
        try await eventually("the reader is reported") { publisher.hasNewReader() }
        for (topic, word) in [(topics[1], "other"), (topics[0], "own"), (topics[1], "other"), (topics[0], "last")] {
            Array("\(topic)\(word)".utf8).withUnsafeBytes { publisher.send($0) }
        }
        var heard: [String] = []
        try await eventually("the reader hears the last message") {
            while reader.receive({ heard.append(String(decoding: $0.dropFirst(16), as: UTF8.self)) }) {}
            return heard.last == "last"
        }
        #expect(heard == ["own", "last"])
    }

    @Test func `a reader that never reads costs a short queue, and the newest word still comes`() async throws {
        let context = try BusContext()
        let publisher = try Publisher(context: context, endpoint: endpoint, showsState: true)
        let reader = try Subscriber(context: try BusContext(), endpoint: endpoint, topics: ["FORM"])
        try await eventually("the reader is reported") { publisher.hasNewReader() }
        let message = Array("FORM".utf8) + [UInt8](repeating: 0, count: 188)
        for _ in 0..<400_000 { message.withUnsafeBytes { publisher.send($0) } }
        var count = 0
        try await eventually("the queue is read") {
            while reader.receive({ _ in count += 1 }) {}
            Array("FORM newest".utf8).withUnsafeBytes { publisher.send($0) }
            var last = 0
            while reader.receive({ last = $0.count }) {}
            return last == 11
        }
        // 8,192 of the publisher's queue, 65,536 of the reader's, and what the socket between them holds.
        #expect(count > 0 && count < 80_000, "\(count)")
    }
}
