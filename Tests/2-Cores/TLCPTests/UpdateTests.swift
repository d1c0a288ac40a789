import Testing
import TestKit
@testable import TLCP

@Suite struct UpdateTests {
    @Test func `the specification's worked sequence`() {
        var fields = Fields(10)
        let steps = [
            (
                "20:00:33|3.04|0.0|2.41|3.67|3.03|3.04|#|#|$",
                "20:00:33* 3.04* 0.0* 2.41* 3.67* 3.03* 3.04* ~* ~* *"
            ),
            (
                "20:00:54|3.07|0.98|||3.06|3.07|||Suspended",
                "20:00:54* 3.07* 0.98* 2.41 3.67 3.06* 3.07* ~ ~ Suspended*"
            ),
            ("20:04:16|3.02|-0.65|||3.01|3.02|||$", "20:04:16* 3.02* -0.65* 2.41 3.67 3.01* 3.02* ~ ~ *"),
            ("20:04:40|^4|3.02|3.03|||", "20:04:40* 3.02 -0.65 2.41 3.67 3.02* 3.03* ~ ~ "),
            ("20:06:10|3.05|0.32|^7", "20:06:10* 3.05* 0.32* 2.41 3.67 3.02 3.03 ~ ~ "),
            ("20:06:49|3.08|1.31|||3.08|3.09|||", "20:06:49* 3.08* 1.31* 2.41 3.67 3.08* 3.09* ~ ~ "),
        ]
        for (values, expected) in steps { #expect(fields.take(values) == expected) }
    }

    @Test(arguments: [
        ("a%7Cb", "a|b*"), ("%23", "#*"), ("%24", "$*"), ("%5E2", "^2*"), ("a%2", "a%2*"), ("a%zz", "a%zz*"),
        ("%", "%*"),
        ("+", "+*"), ("a,b", "a,b*"), ("#a", "#a*"), ("\u{20AC}", "\u{20AC}*"), ("%E2%82%AC", "\u{20AC}*"), ("$", "*"),
        ("#", "~*"), ("%FF", "\u{FFFD}*"),
    ])
    func `one value is decoded`(token: String, expected: String) {
        var fields = Fields(1)
        #expect(fields.take(token) == expected)
    }

    @Test func `values of any length, escaped or not, are cut where the bars are`() {
        var random = SplitMix(seed: 1)
        for _ in 0..<5_000 {
            let count = Int.random(in: 1...4, using: &random)
            let values = (0..<count).map { _ in
                (0..<Int.random(in: 1...19, using: &random)).map { _ in
                    ["a", "7", ".", "%41", "%7C"].randomElement(using: &random)!
                }.joined()
            }
            let expected = values.map {
                $0.replacing("%41", with: "A").replacing("%7C", with: "|") + "*"
            }.joined(separator: " ")
            var fields = Fields(count)
            #expect(fields.take(values.joined(separator: "|")) == expected)
        }
    }

    @Test(arguments: ["", "^1", "^P[]", "^Ta", "1|", "|1"])
    func `a first update has nothing to compare with`(values: String) {
        var fields = Fields(values.contains("|") ? 2 : 1)
        #expect(fields.take(values) == "error: nothingToCompareWith")
    }

    @Test(arguments: ["1|2", "1|2|3|4", "1|2|3|", "^4", "^2", "||", "", "1|^3", "^0|1|1|1", "^99999999999999999"])
    func `a wrong number of fields is refused`(values: String) {
        var fields = Fields(3)
        _ = fields.take("a|b|c")
        let isRight = ["||"].contains(values)
        #expect(fields.take(values) == (isRight ? "a b c" : "error: fieldCount"))
    }

    @Test(arguments: ["^", "^x", "^-1", "^1x", "^99999999999999999999"])
    func `a caret with something else is refused`(token: String) {
        var fields = Fields(1)
        _ = fields.take("a")
        #expect(fields.take(token) == "error: unknownToken")
    }

    @Test func `all fields unchanged is legal in both forms`() {
        var fields = Fields(4)
        _ = fields.take("1|2|3|4")
        #expect(fields.take("|||") == "1 2 3 4")
        #expect(fields.take("^4") == "1 2 3 4")
    }

    @Test func `a value may grow beyond the inline bytes and shrink again`() {
        var fields = Fields(2)
        let long = String(repeating: "x", count: 5_000)
        #expect(fields.take("1|2") == "1* 2*")
        #expect(fields.take("\(long)|") == "\(long)* 2")
        #expect(fields.take("\(long)yy|3") == "\(long)yy* 3*")
        #expect(fields.take("a|") == "a* 3")
    }

    @Test(arguments: [
        ("foobar", "d", "foo"), ("foobar", "bdzap", "fzap"), ("foobar", "bdzapcd", "fzapbar"),
        ("foobar", "adzapad", "zapfoo"), ("foobar", "aaad", "foo"), ("", "", ""),
        ("abcdefghijklmnopqrstuvwxyz1", "aaBab", "1"), ("\u{20AC}uro", "bdxyz", "\u{20AC}xyz"),
    ])
    func `a text difference is applied`(old: String, diff: String, expected: String) {
        let new = withBytes(old) { ValueDiff.apply(Array(diff.utf8), to: $0) }
        #expect(new.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: ["h", "bd", "1", "A", "ah", "aah", "ZZZZZZZZZZZZZZZz"])
    func `a text difference that does not fit is refused`(diff: String) {
        #expect(withBytes("foobar") { ValueDiff.apply(Array(diff.utf8), to: $0) } == nil)
    }

    @Test func `the protocol's JSON Patch example`() {
        var fields = Fields(1)
        _ = fields.take(#"{ "text": "aa%7Cbb", "attributes": [ { "font": "courier" }, "..." ] }"#)
        let patch =
            #"^P[{"op":"replace","path":"/text","value":"aa%7Cbb%7Ccc"},{"op":"add","path":"/attributes/1","value":"bold"}]"#
        #expect(fields.take(patch) == #"{"text":"aa|bb|cc","attributes":[{"font":"courier"},"bold","..."]}*"#)
        #expect(fields.take("^Ta") == "error: differenceFails")
    }

    @Test func `no difference is taken on null`() {
        var fields = Fields(1)
        _ = fields.take("#")
        #expect(fields.take("^Ta") == "error: differenceFails")
    }

    @Test(arguments: [
        (#"{"a":1}"#, #"[{"op":"add","path":"/b","value":[1.50,"x"]}]"#, #"{"a":1,"b":[1.50,"x"]}"#),
        (#"{"a":[1,2]}"#, #"[{"op":"remove","path":"/a/0"}]"#, #"{"a":[2]}"#),
        (#"{"a":[1]}"#, #"[{"op":"add","path":"/a/-","value":2}]"#, #"{"a":[1,2]}"#),
        (#"{"a":1,"b":2}"#, #"[{"op":"move","from":"/a","path":"/c"}]"#, #"{"b":2,"c":1}"#),
        (#"{"a":{"b":1}}"#, #"[{"op":"copy","from":"/a","path":"/c"}]"#, #"{"a":{"b":1},"c":{"b":1}}"#),
        (#"{"a~/b":1}"#, #"[{"op":"replace","path":"/a~0~1b","value":null}]"#, #"{"a~/b":null}"#),
        (#"{"a":1.0}"#, #"[{"op":"test","path":"/a","value":1}]"#, #"{"a":1.0}"#),
        (#"1"#, #"[{"op":"replace","path":"","value":{"x":true}}]"#, #"{"x":true}"#),
        (#"{"a":"\u00e9\n"}"#, #"[]"#, "{\"a\":\"\u{E9}\\u000a\"}"),
    ])
    func `JSON Patch operations`(old: String, patch: String, expected: String) {
        let new = withBytes(old) { JSONPatch.apply(Array(patch.utf8), to: $0) }
        #expect(new.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: [
        #"[{"op":"remove","path":"/x"}]"#, #"[{"op":"add","path":"/a/5","value":1}]"#,
        #"[{"op":"test","path":"/b","value":2}]"#,
        #"[{"op":"move","from":"/a","path":"/a/0"}]"#, #"[{"op":"jump","path":"/a"}]"#,
        #"[{"op":"add","path":"/a/01","value":1}]"#,
        #"{"op":"remove","path":"/a"}"#, "[", "", #"[{"op":"replace","path":"a","value":1}]"#,
        #"[{"op":"add","path":"/z"}]"#,
    ])
    func `a patch that cannot be applied is refused`(patch: String) {
        #expect(withBytes(#"{"a":[1],"b":1}"#) { JSONPatch.apply(Array(patch.utf8), to: $0) } == nil)
    }

    @Test func `a patch cannot fill the memory`() {
        let copies = (0..<40).map { #"{"op":"copy","from":"","path":"/k\#($0)"}"# }.joined(separator: ",")
        #expect(withBytes(#"{"a":"0123456789"}"#) { JSONPatch.apply(Array("[\(copies)]".utf8), to: $0) } == nil)
    }

    @Test func `deep JSON is refused and does not use up the stack`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(JSONValue(Array(deep.utf8)) == nil)
    }
}
