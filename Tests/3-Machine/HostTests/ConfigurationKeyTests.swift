import Foundation
import MarketData
import Settings
import Testing
import TestKit

@Suite struct ConfigurationKeyTests {
    private let root = "\(Golden.folder)/../.."

    @Test func `the document shows the table of the code`() throws {
        let document = try String(contentsOfFile: "\(root)/docs/configuration.md", encoding: .utf8)
        #expect(document.contains("\n\(ConfigurationKey.table)\n"), "candlewick configuration --table prints it")
    }

    @Test func `the installed sample is that of the code, and changes nothing`() throws {
        let sample = try String(contentsOfFile: "\(root)/systemd/candlewick.yaml", encoding: .utf8)
        #expect(sample == ConfigurationKey.sample, "candlewick configuration --sample prints it")
        let configuration = try Configuration(yaml: sample, path: "c.yaml")
        #expect(ConfigurationKey.all.allSatisfy { $0.value(configuration) == $0.defaultValue })
    }

    @Test func `the sample without its first comment signs is a configuration of the defaults`() throws {
        let lines = ConfigurationKey.sample.split(separator: "\n", omittingEmptySubsequences: false)
        let yaml = lines.dropFirst(2).map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : "" }
        let configuration = try Configuration(yaml: yaml.joined(separator: "\n"), path: "c.yaml")
        for key in ConfigurationKey.all where key.path != "instruments" {
            #expect(key.value(configuration) == key.defaultValue, "\(key.path)")
        }
        #expect(configuration.instruments.map { "\($0.pair)" } == ["EUR_USD", "GBP_USD"])
    }

    @Test func `a key with the dot of its section is unknown`() {
        #expect(throws: (any Error).self) { try Configuration(yaml: "journal.retention_days: 3", path: "c.yaml") }
        #expect(throws: (any Error).self) { try Configuration(yaml: "journal: {store: {}}", path: "c.yaml") }
    }
}
