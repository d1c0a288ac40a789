import Foundation
import Reports
import Settings
import TestKit
import Testing

@testable import Watching

func decoded<Value: Codable>(_ value: Value) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(encodedJSON(value).utf8))
}

enum Samples {
    static let feed = Finding(
        "feed", "", .failed, "no heartbeat for 41 s, since 2026-11-23 03:00:19 UTC (streaming)",
        "the connection is open but the broker sends nothing: wait for the next session, check the broker's status page"
    )
    static let pair = Finding("pair", "EUR_USD", .failed, "no tick for 2.5 min <while> other pairs & tick", "wait").of(
        "eu")
    static let clock = Finding("clock", "", .warning, "this machine's clock is 6.1 s behind the broker's", "chrony")

    static let appeared = Notice(
        time: 1_795_402_860, host: "fx1",
        appeared: [WatchedFinding(feed, since: 1_795_402_820), WatchedFinding(pair, since: 1_795_402_830)],
        ended: [WatchedFinding(clock, since: 1_795_400_000, until: 1_795_402_800)],
        still: [WatchedFinding(clock.of("eu"), since: 1_795_390_000)], badSince: 1_795_390_000)
    static let repeated = Notice(
        time: 1_795_406_460, host: "fx1", still: [WatchedFinding(feed, since: 1_795_402_820)], badSince: 1_795_402_820)
    static let well = Notice(
        time: 1_795_406_470, host: "fx1",
        ended: [WatchedFinding(feed, since: 1_795_402_820, until: 1_795_406_440)], badSince: 1_795_402_820)
    static let named = ["appeared": appeared, "repeated": repeated, "well": well]
}

@Suite struct NoticeTests {
    @Test(arguments: ["appeared", "repeated", "well"], Configuration.Watch.Shape.allCases)
    func `a webhook gets what its shape says`(name: String, shape: Configuration.Watch.Shape) throws {
        let request = try #require(Samples.named[name]).request(shape, chat: "@ops")
        let actual = Array((request.headers.joined(separator: "\n") + "\n\n").utf8) + request.body + [0x0A]
        let expected = Golden.bytes("watch/\(shape.rawValue)-\(name).txt", actual: actual)
        #expect(String(decoding: actual, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
    }

    @Test(arguments: ["appeared", "well"])
    func `mail has the headers of RFC 5322`(name: String) throws {
        let actual = try #require(Samples.named[name]).mail(to: "ops@example.org")
        let expected = Golden.bytes("watch/mail-\(name).txt", actual: Array(actual.utf8))
        #expect(actual == String(decoding: expected, as: UTF8.self))
    }

    @Test func `a title of any letters is encoded in words of at most 75 characters`() throws {
        let text = String(repeating: "Börse 😀 ", count: 20)
        let words = encodedHeader(text).split(separator: " ")
        #expect(words.allSatisfy { $0.count <= 75 })
        let bytes = try words.flatMap { word in
            Array(try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2)))))
        }
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test func `a line end in a finding begins no header and no line`() throws {
        let finding = Finding("database", "", .failed, "no\r\nX-Evil: 1\nanswer", "read\nthe log")
        let notice = Notice(time: 10, host: "fx1", appeared: [WatchedFinding(finding, since: 0)])
        #expect(notice.title.split(whereSeparator: \.isNewline).count == 1)
        #expect(
            notice.request(.ntfy, chat: nil).headers.allSatisfy { $0.split(whereSeparator: \.isNewline).count == 1 })
        #expect(notice.text.split(whereSeparator: \.isNewline).count == 2)
    }

    @Test func `a text of many findings is short enough for every receiver`() {
        let many = (0..<500).map { number in
            WatchedFinding(Finding("pair", "P\(number)", .failed, String(repeating: "€", count: 300)), since: 0)
        }
        let notice = Notice(time: 10, host: "fx1", appeared: many, ended: many, still: many)
        #expect(notice.text.utf8.count < 4_000)
        #expect(notice.ended.count == 50)
    }

    @Test func `a notice is the same after its JSON`() throws {
        #expect(try decoded(Samples.appeared) == Samples.appeared)
    }

    @Test func `two messages become one that says what is true now and what happened meanwhile`() {
        let (feed, pair) = (WatchedFinding(Samples.feed, since: 10), WatchedFinding(Samples.pair, since: 20))
        let first = Notice(time: 40, host: "fx1", appeared: [feed], badSince: 10)
        let second = Notice(time: 50, host: "fx1", appeared: [pair], still: [feed], badSince: 10)
        let third = Notice(time: 90, host: "fx1", ended: [feed], still: [pair], badSince: 10)
        let both = first.followed(by: second)
        #expect(both.appeared == [feed, pair])
        #expect(both.still == [])
        let all = both.followed(by: third)
        #expect(all.appeared == [pair])
        #expect(all.ended == [feed])
        #expect(all.time == 90)
        #expect(all.state == .failed)
    }

    @Test func `a repeat does not hide that a finding is new`() {
        let feed = WatchedFinding(Samples.feed, since: 10)
        let first = Notice(time: 40, host: "fx1", appeared: [feed], badSince: 10)
        let repeated = Notice(time: 640, host: "fx1", still: [feed], badSince: 10)
        #expect(first.followed(by: repeated).appeared == [feed])
        #expect(repeated.followed(by: repeated).still == [feed])
    }
}
