import Host
import MarketData
import Settings

/// libFuzzer's entry: the input is the text of a configuration. What is taken keeps the bounds that
/// docs/configuration.md gives, what is refused is so in one line that names the file. Built by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let text = String(validating: UnsafeBufferPointer(start: data, count: count), as: UTF8.self) else { return 0 }
    do {
        check(try Configuration(yaml: text, path: "f"))
    } catch let failure as Failure {
        let line = "\(failure)"
        precondition(failure.code == .configuration && line.hasPrefix("f:"), "no place: \(line)")
        precondition(!line.contains("\n"), "more than a line: \(line)")
    } catch {
        preconditionFailure("an error of another kind: \(error)")
    }
    return 0
}

private func check(_ configuration: Configuration) {
    precondition(!configuration.instruments.isEmpty && !configuration.timeframes.isEmpty)
    precondition(configuration.timeframes == Array(Set(configuration.timeframes)).sorted())
    precondition(Set(configuration.instruments.map(\.epic)).count == configuration.instruments.count)
    precondition(Set(configuration.instruments.map(\.pair)).count == configuration.instruments.count)
    precondition(configuration.history.reservePoints < configuration.history.weeklyPoints)
    precondition((1_024...16_777_216).contains(configuration.journal.segmentRecords))
    precondition((Duration.seconds(600)...Duration.seconds(604_800)).contains(configuration.lateReach))
}
