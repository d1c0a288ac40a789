import MarketData
import Testing
import TestKit

@Suite struct PriceTests {
    @Test(arguments: [
        ("1.08412", 1_084_120_000), ("161.204", 161_204_000_000), ("0.5", 500_000_000), (".5", 500_000_000),
        ("5.", 5_000_000_000), ("1.12345678", 1_123_456_780), ("1.1000000000000", 1_100_000_000), ("0", 0),
        ("00001.5", 1_500_000_000), ("4000000000", 4_000_000_000_000_000_000),
    ])
    func `a decimal is read exactly`(text: String, units: Int64) {
        #expect(Price(text)?.rawValue == units)
    }

    @Test(arguments: [
        "", ".", "-1.2", "+1.2", "1e5", "1.2.3", "1,2", " 1.2", "1.2 ", "NaN", "1.123456789", "99999999999999999999",
        "10000000000", "4700000000", "1.0000000001", "²", "\u{0}",
    ])
    func `what is not a price is refused`(text: String) {
        #expect(Price(text) == nil)
    }

    @Test func `points move the decimal point`() {
        #expect(Price("11558.7", pointShift: 4) == Price("1.15587"))
        #expect(Price("13327.4", pointShift: 2) == Price("133.274"))
        #expect(Price("11558.71234", pointShift: 4) == nil)
        #expect(Price("1", pointShift: 4) == Price("0.0001"))
    }

    @Test func `a short price is read at once as it would be digit by digit`() {
        var random = SplitMix(seed: 1)
        let characters = Array("01234567890123456789..-/:")
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...9, using: &random)
            let text = String((0..<count).map { _ in characters.randomElement(using: &random)! })
            guard text.contains(where: \.isNumber) else { continue }
            let shift = Int.random(in: 0...4, using: &random)
            // Zeros in front make it too long for being read at once.
            #expect(Price(text, pointShift: shift) == Price("000000000\(text)", pointShift: shift), "\(text)")
        }
    }

    @Test func `digits are read as words as they would be one by one`() {
        func number(_ text: String) -> Int64? {
            var text = text
            return text.withUTF8 { DigitWord.number(UnsafeRawBufferPointer($0)) }
        }
        for count in 1...16 {
            let digits = String("1234567890123456".prefix(count))
            #expect(number(digits) == Int64(digits))
            #expect(number(String(repeating: "9", count: count)) == Int64(String(repeating: "9", count: count)))
            for place in 0..<count {
                for odd in ["-", ":", "/", "\u{0}", "\u{7F}"] {
                    #expect(number(digits.prefix(place) + odd + digits.dropFirst(place + 1)) == nil)
                }
            }
        }
        #expect(number("") == nil && number("12345678901234567") == nil)
    }

    @Test func `a price prints as the broker would write it`() {
        #expect("\(Price("1.10000")!)" == "1.1")
        #expect(Price("1.1")!.formatted(decimals: 5) == "1.10000")
        #expect("\(Price("161")!)" == "161")
        #expect(Price(rawValue: -5).formatted() == "-0.000000005")
    }
}

@Suite struct PairTests {
    @Test(arguments: ["EUR_USD", "EURUSD", "EUR/USD", "eur_usd"])
    func `every usual spelling is the same pair`(text: String) {
        #expect(Pair(text)?.description == "EUR_USD")
    }

    @Test(arguments: [
        ("DE40", "DE40"), ("us_500", "US_500"), ("1", "1"), ("ABCDEFGHIJKL", "ABCDEFGHIJKL"), ("EUR", "EUR"),
        ("EURUSDX", "EURUSDX"), ("EU_RUSD", "EU_RUSD"), ("EURO50", "EURO50"),
        // Six letters are two codes if the second one is a currency.
        ("NASDAQ", "NASDAQ"), ("XAUUSD", "XAU_USD"), ("usdcnh", "USD_CNH"), ("XAU/OZT", "XAU_OZT"),
        ("NAS_DAQ", "NAS_DAQ"),
    ])
    func `any other name of twelve letters, digits and lines stands for itself`(text: String, name: String) {
        #expect(Pair(text)?.description == name)
        #expect(Pair(name)?.description == name)
    }

    @Test(arguments: [
        "", "_", "____", "EUR USD", "ÄUR_USD", "EUR-USD", "EURO/USD", "EU/RUSD", "EUR/US1", "/EURUSD", "ABCDEFGHIJKLM",
        "EUR.USD", "EUR_USD\n", "EUR\0",
    ])
    func `what is no name is refused`(text: String) {
        #expect(Pair(text) == nil)
    }

    @Test func `the crosses and the pairs of the majors keep their names, however they are written`() {
        for pair in Pair.crosses {
            let name = pair.description
            #expect(Pair(name.replacing("_", with: "")) == pair && Pair(name.replacing("_", with: "/")) == pair)
            #expect(pair.isCurrencyPair && pair.base + "_" + pair.quote == name)
        }
    }

    @Test func `only the price of a currency in another one is a currency pair`() {
        #expect(["EUR_USD", "USD_ZAR", "USD_CNH"].allSatisfy { Pair($0)!.isCurrencyPair })
        #expect(!["XAU_USD", "BTC_USD", "DE40", "USD", "USD_500"].contains { Pair($0)!.isCurrencyPair })
        #expect(Pair("DE40")!.base == "DE40" && Pair("DE40")!.quote == "")
    }

    @Test func `a name of twelve bytes fills them, and a shorter one sorts before it`() {
        #expect(Pair("ABCDEFGHIJKL")!.bytes == Array("ABCDEFGHIJKL".utf8))
        #expect(Pair("DE40")!.bytes == Array("DE40".utf8) + [UInt8](repeating: 0, count: 8))
        #expect(Pair("DE40")! < Pair("DE40X")! && Pair("DE40X")! < Pair("DE41")!)
    }

    @Test func `a pair is twelve bytes padded with NUL`() {
        #expect(Pair("EURUSD")!.bytes == Array("EUR_USD".utf8) + [0, 0, 0, 0, 0])
        #expect(Pair.none.bytes == [UInt8](repeating: 0, count: 12))
        #expect(Pair("EURUSD")!.base == "EUR" && Pair("EURUSD")!.quote == "USD")
    }

    @Test func `pairs sort by name`() {
        let names = Pair.crosses.map(\.description)
        #expect(Pair.crosses.sorted().map(\.description) == names.sorted())
    }
}

@Suite struct CrossesTests {
    @Test func `the 28 crosses are in market convention`() {
        let names = Set(Pair.crosses.map(\.description))
        #expect(names.count == 28)
        for name in ["EUR_USD", "GBP_JPY", "AUD_NZD", "NZD_USD", "USD_CHF", "USD_CAD", "CAD_CHF", "CHF_JPY", "EUR_GBP"]
        {
            #expect(names.contains(name))
        }
    }
}

@Suite struct TimeTests {
    @Test func `times print in ISO 8601`() {
        #expect("\(UTCNanos(rawValue: 1_398_902_400_292_000_000))" == "2014-05-01T00:00:00.292Z")
        #expect("\(UTCNanos(rawValue: -1))" == "1969-12-31T23:59:59.999Z")
        #expect(UTCNanos(seconds: 951_782_400).text() == "2000-02-29 00:00:00")
    }

    @Test func `the whole second of a moment is the one that has begun, also before 1970`() {
        #expect(UTCNanos(rawValue: 1_999_999_999).seconds == 1 && UTCNanos(rawValue: -1).seconds == -1)
        #expect(UTCSeconds(rawValue: -1).text(separator: "T") == "1969-12-31T23:59:59")
    }

    @Test(arguments: [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (2_000, 2)])
    func `a length is rounded up to whole seconds`(milliseconds: Int, seconds: Int) {
        #expect(Duration.milliseconds(milliseconds).roundedUpToSeconds == .seconds(seconds))
    }

    @Test func `milliseconds that do not fit are refused`() {
        #expect(UTCNanos(milliseconds: .max) == nil)
        #expect(UTCNanos(milliseconds: 1_398_902_400_292)?.rawValue == 1_398_902_400_292_000_000)
    }

    @Test func `intervals are aligned to the epoch, also before it`() {
        let five = Timeframe.fiveMinutes
        #expect(five.start(of: UTCNanos(seconds: 299)).seconds == 0)
        #expect(five.start(of: UTCNanos(seconds: 300)).seconds == 300)
        #expect(five.start(of: UTCNanos(rawValue: -1)).seconds == -300)
    }

    @Test func `timeframes divide a day`() {
        #expect(Timeframe("5")?.seconds == 300 && Timeframe("1h")?.minutes == 60 && Timeframe("1d")?.minutes == 1_440)
        for text in ["7", "0", "-5", "5s", "", "m", "1441", "2d", "9999999999999999999"] {
            #expect(Timeframe(text) == nil)
        }
        #expect("\(Timeframe("90m") ?? .fiveMinutes)" == "90m")
    }

    @Test(arguments: [
        ("15M", "15m"), ("M15", "15m"), ("5min", "5m"), ("1 hour", "1h"), ("H4", "4h"), ("1D", "1d"), ("60 mins", "1h"),
        ("7m", "5m, 1h, 1d"), ("W1", "5m, 1h, 1d"), ("soon", "5m, 1h, 1d"), ("5m5", "5m, 1h, 1d"), ("", "5m, 1h, 1d"),
    ])
    func `another spelling of a timeframe is refused with the right one`(text: String, right: String) {
        #expect(Timeframe(text) == nil)
        let refusal = Timeframe.refusal(of: text)
        #expect(refusal.hasPrefix("'\(text)' is not a timeframe: write ") && refusal.hasSuffix(right), "\(refusal)")
    }
}
