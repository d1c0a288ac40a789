import CandleReader
import HTTPService
import MarketData
import Store
import TestKit
import Testing
@testable import Web
import Wire

@Suite struct LiveHubTests {
    private let hub = LiveHub(epoch: UTCNanos(rawValue: 7))

    /// A client that listens from now on.
    private func client(
        _ topics: Set<LiveSubscription.Topic>, pairs: Set<Pair> = [], last: String? = nil
    ) -> FakeStream {
        let stream = FakeStream()
        hub.add(Sample.subscription(topics, pairs: pairs, last: last), stream)
        return stream
    }

    @Test func `a client gets the events of its topics and pairs alone, in their order`() {
        let all = client([.ticks, .forming, .stored, .state])
        let one = client([.ticks, .stored], pairs: [Sample.gbpUSD])
        hub.publish([
            Sample.tick("1.1"), Sample.tick("1.3", pair: Sample.gbpUSD),
            .forming(Series(Make.eurUSD, .fiveMinutes), Sample.candle(ticks: 3), isClosed: true), Sample.stored(300),
        ])
        hub.publish(.state("{}"))
        hub.publish(Sample.stored(600, pair: Sample.gbpUSD))
        #expect(
            all.sent == [
                "at 0 ", "t:EUR_USD@1.1 t:GBP_USD@1.3 f:EUR_USD#3! 1=EUR_USD#300 ", "s:{} ", "2=GBP_USD#600 ",
            ])
        #expect(one.sent == ["at 0 ", "t:GBP_USD@1.3 ", "2=GBP_USD#600 "])
    }

    @Test func `a new client gets the present state first`() {
        hub.publish(Sample.tick("1.1"))
        hub.publish(Sample.tick("1.5"))
        hub.set(quotes: [:], candles: [Series(Make.eurUSD, .fiveMinutes): Sample.candle(ticks: 4)])
        #expect(client([.ticks]).text == "t:EUR_USD@1.5 ")
        #expect(client([.forming]).text == "f:EUR_USD#4 ")
        #expect(client([.ticks, .forming], pairs: [Sample.gbpUSD]).text == "")
    }

    @Test func `a state is shown to new clients only while somebody hears its changes`() {
        let first = client([.state])
        #expect(hub.hasClient(of: .state))
        hub.publish(.state("1"))
        let second = client([.state])
        #expect(second.text == "s:1 ")
        first.leave()
        second.leave()
        #expect(!hub.hasClient(of: .state))
        #expect(client([.state]).text == "")
    }

    @Test func `the newest quote is kept without clients, and an older one does not replace it`() throws {
        hub.publish(Sample.tick("1.5", at: 9))
        var older = LiveHub.Quote()
        older.take(Make.tick(8, "1.4", "1.6").tick!)
        hub.set(quotes: [Make.eurUSD: older, Sample.gbpUSD: older], candles: [:])
        #expect(hub.quotes[Make.eurUSD]?.bid == Price("1.5"))
        #expect(hub.quotes[Sample.gbpUSD]?.bid == Price("1.4"))
        hub.set(quotes: [:], candles: [Series(Make.eurUSD, .fiveMinutes): Sample.candle(ticks: 4)])
        #expect(hub.forming(Series(Make.eurUSD, .fiveMinutes))?.tickCount == 4)
        #expect(hub.forming(Series(Make.eurUSD, .fifteenMinutes)) == nil)
    }

    @Test func `clients that are gone are forgotten`() {
        let (leaves, vanishes, stays) = (client([.ticks]), client([.ticks]), client([.ticks]))
        #expect(hub.clientCount == 3)
        leaves.leave()
        #expect(hub.clientCount == 2)
        vanishes.vanish()
        hub.publish(Sample.tick())
        #expect(hub.clientCount == 1)
        #expect(stays.text == "t:EUR_USD@1.1 ")
        let late = FakeStream()
        late.leave()
        #expect(hub.add(Sample.subscription(), late))
        #expect(hub.clientCount == 1)
    }

    @Test func `a hub that is full closes the stream of a further client`() {
        let clients = (0..<LiveHub.clientLimit).map { _ in client([.ticks]) }
        #expect(hub.clientCount == LiveHub.clientLimit)
        let further = FakeStream()
        #expect(!hub.add(Sample.subscription(), further))
        #expect(further.isClosed && further.sent.isEmpty)
        clients[0].leave()
        #expect(hub.clientCount < LiveHub.clientLimit)
        #expect(hub.add(Sample.subscription(), FakeStream()))
        #expect(hub.clientCount == LiveHub.clientLimit)
    }

    // MARK: Clients that come back

    @Test func `a client that comes back gets the stored candles behind its last one`() {
        for start in 1...5 { hub.publish(Sample.stored(UTCSeconds(rawValue: Int64(start) * 300))) }
        hub.publish(Sample.stored(1_800, pair: Sample.gbpUSD))
        #expect(client([.stored], last: "7-4").text == "at 4 5=EUR_USD#1500 6=GBP_USD#1800 ")
        #expect(client([.stored], pairs: [Sample.gbpUSD], last: "7-0").text == "at 0 6=GBP_USD#1800 ")
        #expect(client([.stored], last: "7-6").text == "at 6 ")
        #expect(client([.ticks], last: "7-4").text == "")
    }

    @Test(arguments: ["6-4", "7-7", "7--1", "7", "", "7-4-4", "-", "x-4", "9223372036854775808-1"])
    func `if the candles behind a client's last one are not known, it is told`(last: String) {
        for start in 1...6 { hub.publish(Sample.stored(UTCSeconds(rawValue: Int64(start) * 300))) }
        #expect(client([.stored], last: last).text == "missed 6 ")
    }

    @Test func `only the last candles are kept for clients that come back`() {
        let limit = Int64(LiveHub.State.storedLimit)
        for number in 1...3 * limit { hub.publish(Sample.stored(UTCSeconds(rawValue: number * 300))) }
        #expect(client([.stored], last: "7-1").text == "missed \(3 * limit) ")
        let kept = client([.stored], last: "7-\(2 * limit)").text
        #expect(kept.hasPrefix("at \(2 * limit) \(2 * limit + 1)=EUR_USD#"))
        #expect(kept.hasSuffix("\(3 * limit)=EUR_USD#\(3 * limit * 300) "))
        #expect(kept.split(separator: " ").count == 2 + Int(limit))
    }

    // MARK: Many at the same time

    @Test func `a client that comes while events do gets each later one once, in order`() async throws {
        let hub = hub
        let count: Int64 = 2_000
        async let published: Void = onOwnThread {
            for number in 1...count { hub.publish(Sample.stored(UTCSeconds(rawValue: number * 300))) }
        }
        var clients: [FakeStream] = []
        for _ in 0..<100 {
            clients.append(client([.stored]))
            await Task.yield()
        }
        try await published
        for client in clients {
            let words = client.text.split(separator: " ")
            let first = try #require(Int64(words[1]))
            let numbers = words.dropFirst(2).map { $0.prefix { $0 != "=" } }
            #expect(numbers.count == count - first)
            #expect(zip(numbers, (first + 1)...max(count, first + 1)).allSatisfy { $0 == "\($1)" })
        }
    }
}
