import Foundation
import MarketData
import Testing
import TestKit
@testable import Web

/// JSON that is written by hand.
@Suite struct APITextTests {
    private func text(_ write: (inout JSONText) -> Void) -> String {
        var json = JSONText()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func `a price has the digits that Price prints, whatever its size and decimals`() {
        var random = SplitMix(seed: 20)
        var units: [Int64] = [0, 1, -1, 10, 999_999_999, 1_000_000_000, 1_072_110_000, Price.unitsMax, -Price.unitsMax]
        for _ in 0..<20_000 {
            var value = Int64(bitPattern: random.next()) >> Int64(random.next() % 63)
            // Zeros at the end, as prices have them.
            for _ in 0..<(random.next() % 10) where abs(value) < Price.unitsMax / 10 { value *= 10 }
            units.append(min(max(value, -Price.unitsMax), Price.unitsMax))
        }
        for value in units {
            let price = Price(rawValue: value)
            #expect(text { $0.price(price) } == price.formatted())
            let decimals = Int(value.magnitude % 10)
            #expect(text { $0.price(price, decimals: decimals) } == price.formatted(decimals: decimals))
            #expect(text { $0.quotedPrice(price) } == "\"\(price.formatted())\"")
        }
    }

    @Test func `integers and seconds are exact at their limits`() {
        for value in [0, 1, -1, 10, 100_000, Int64.max, Int64.min] { #expect(text { $0.integer(value) } == "\(value)") }
        #expect(text { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(text { $0.seconds(Make.nanos(1_732_356_000)) } == "1732356000")
        #expect(text { $0.seconds(UTCNanos(rawValue: 1_732_356_000_000_000_001)) } == "1732356000.000000001")
        #expect(text { $0.seconds(UTCNanos(rawValue: 500_000_000)) } == "0.5")
    }

    @Test func `commas stand between values, never before the first or behind the last`() {
        let json = text { json in
            json.begin(.object)
            json.key("a")
            json.begin(.array)
            json.end(.array)
            json.key("b")
            json.begin(.array)
            json.integer(1)
            json.null()
            json.begin(.object)
            json.end(.object)
            json.bool(false)
            json.end(.array)
            json.key("c")
            json.string("x")
            json.key("d")
            json.value(Array("{\"e\":1}".utf8))
            json.end(.object)
        }
        #expect(json == #"{"a":[],"b":[1,null,{},false],"c":"x","d":{"e":1}}"#)
    }

    @Test func `every character of a string comes back`() throws {
        var scalars = (0..<0x300).compactMap(Unicode.Scalar.init)
        scalars += ["€", "😀", "\u{2028}", "\u{FFFF}", "\u{10FFFF}"]
        var whole = ""
        whole.unicodeScalars.append(contentsOf: scalars)
        for string in scalars.map({ "\($0)" }) + [whole, "", "a\"b\\c\n\t\u{0}d", #"</script>\u0041"#] {
            let json = text { $0.string(string) }
            #expect(try JSONDecoder().decode(String.self, from: Data(json.utf8)) == string)
            #expect(!json.utf8.contains { $0 < 0x20 })
        }
    }
}
