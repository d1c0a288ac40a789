import Host
import MarketData
import Settings
import Testing
import TestKit
import Wire

/// The configurations of several collectors.
@Suite struct CollectorsTests {
    private let folder = TemporaryFolder()
    private let eu = Collector("eu")!

    private func write(_ text: String, to name: String) throws {
        try makeFolder("\(folder.path)/collectors")
        folder.write(text.utf8, to: name)
    }

    private func collectors(_ file: String? = "candlewick.yaml") throws -> Collectors {
        let name = file.map { ["CANDLEWICK_CONFIG": "\(folder.path)/\($0)"] } ?? [:]
        return try Collectors(environment: Environment(name), paths: try Paths(state: "\(folder.path)/state"))
    }

    private func run(_ collectors: Collector...) throws {
        let paths = try Paths(state: "\(folder.path)/state")
        for collector in collectors { try makeFolder(paths.of(collector).journal(.ticks)) }
    }

    @Test func `without any file there is main alone`() throws {
        let found = try collectors(nil)
        #expect(found.all == [.main] && found.configuration(of: .main) != nil && found.instance(of: .main) == nil)
        #expect(try found.chosen(nil) == .main)
    }

    @Test func `the files beside the main one are found, from each of them`() throws {
        try write("instruments: [EUR_USD]\n", to: "candlewick.yaml")
        try write("collector: eu\ninstruments: [USD_JPY]\ntimeframes: [1h]\n", to: "collectors/eu.yaml")
        try write("nonsense", to: "collectors/eu.yaml.old")
        let found = try collectors()
        #expect(found.all == [eu, .main] && found.own.collector == .main)
        #expect(found.configuration(of: eu)?.instruments.map(\.pair.description) == ["USD_JPY"])
        #expect(found.timeframes.map(\.description) == ["5m", "15m", "1h"])
        #expect(found.instance(of: eu) == "eu" && found.instance(of: .main) == nil)
        #expect(try found.chosen(nil) == .main && found.chosen("eu") == eu)
        let other = try collectors("collectors/eu.yaml")
        #expect(other.all == found.all && other.own.collector == eu)
        #expect(try other.chosen(nil) == eu)
    }

    @Test func `a collector that has run here is known without a file`() throws {
        try write("instruments: [EUR_USD]\n", to: "candlewick.yaml")
        try run(eu)
        #expect(try collectors().all == [eu, .main] && collectors().configuration(of: eu) == nil)
        let bare = try collectors(nil)
        #expect(bare.all == [eu], "main has neither a file nor a journal")
        #expect(try bare.chosen(nil) == eu)
    }

    @Test func `one collector of another name is one`() throws {
        try write("collector: eu\n", to: "candlewick.yaml")
        #expect(try collectors().all == [eu] && collectors().instance(of: eu) == nil)
        try run(eu)
        #expect(try collectors().all == [eu])
    }

    @Test func `a further file that names another collector than itself is refused, by its stages too`() throws {
        for text in ["timeframes: [1h]", "collector: us"] {
            try write(text, to: "collectors/eu.yaml")
            #expect {
                try Configuration.load(
                    environment: Environment(["CANDLEWICK_CONFIG": "\(folder.path)/collectors/eu.yaml"]))
            } throws: { error in
                (error as? Failure)?.code == .configuration && "\(error)".contains("write 'collector: eu'")
            }
        }
    }

    @Test func `two files of one name are refused, an unknown name too`() throws {
        try write("collector: eu", to: "candlewick.yaml")
        try write("collector: eu", to: "collectors/eu.yaml")
        #expect {
            try collectors()
        } throws: { error in
            let failure = error as? Failure
            return failure?.code == .configuration
                && "\(error)".contains(
                    "candlewick.yaml and \(folder.path)/collectors/eu.yaml are both of the collector eu")
        }
        try write("", to: "candlewick.yaml")
        #expect {
            try collectors().chosen("us")
        } throws: { error in
            (error as? Failure)?.code == .usage
                && "\(error)".contains("there is no collector 'us' here: known are eu, main")
        }
    }

    @Test func `what two files say differently of one instrument is said`() throws {
        try write(
            "instruments: [EUR_USD, {pair: DE40, epic: IX.D.DAX.IFMM.IP, hours: always}]\n", to: "candlewick.yaml")
        try write(
            """
            collector: eu
            instruments:
              - {pair: EUR_USD, scale: 10000}
              - {pair: DE40, epic: IX.D.DAX.OTHER.IP, scale: 100}
            """, to: "collectors/eu.yaml")
        let found = try collectors()
        #expect(
            found.disagreements.map { "\($0.pair) \($0.kind): \($0.text)" } == [
                "EUR_USD scale: scale 1 in main, 10000 in eu", "DE40 hours: hours always in main, fx in eu",
            ])
        #expect(found.calendar[Pair("DE40")!] == .always)
    }
}
