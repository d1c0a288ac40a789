internal import FoundationEssentials
public import Host
internal import MarketData

/// The whole installation looked at, and what to do about each finding.
public struct DoctorReport: Report, Encodable {
    public let findings: [Finding]

    /// - Parameter asksBroker: logs in, and subscribes to each instrument, by `ingest-stream --check`.
    public init(paths: Paths, clock: Clock, asksBroker: Bool) throws {
        var findings: [Finding] = []
        do {
            let configuration = try Configuration.load(environment: .process)
            let count = configuration.instruments.count
            let timeframes = configuration.timeframes.map(\.description).joined(separator: ", ")
            findings.append(Finding("configuration", "", .ok, "\(count) instruments, \(timeframes)"))
            let stages = try StageStatus.collect(paths: paths, milliseconds: 2_000, clock: clock)
            findings += Installation(paths: paths, configuration: configuration, stages: stages, clock: clock).findings
            if asksBroker { findings += DoctorReport.askBroker() }
            findings +=
                (try? StatusReport(paths: paths, configuration: configuration, clock: clock))?.freshFindings ?? []
        } catch let failure as Failure where failure.code == .configuration {
            findings.append(
                Finding("configuration", "", .failed, "\(failure)", "mend it: docs/configuration.md has every key"))
        }
        self.findings = findings
    }

    public var failed: Int { findings.count { $0.state == .failed } }

    /// What `ingest-stream --check` finds: it speaks the broker's protocols.
    private static func askBroker() -> [Finding] {
        let program = "\(Installation.folder)/ingest-stream"
        let decoder = JSONDecoder()
        guard let result = try? ChildProcess.run([program, "--check", "--json"], input: [], seconds: 180) else {
            return [Finding("broker", "", .failed, "\(program) cannot be started", "run scripts/install again")]
        }
        let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
        let findings = lines.compactMap { try? decoder.decode(Finding.self, from: Data($0.utf8)) }
        guard findings.isEmpty else { return findings }
        let reason = result.errors.split(separator: "\n").last.map(String.init) ?? "exit code \(result.exitCode)"
        return [Finding("broker", "", .failed, reason, "ingest-stream --check says more")]
    }

    public func text(_ style: TextStyle) -> String {
        let lines = findings.map { finding in
            let mark =
                switch finding.state {
                case .ok: style.painted("ok     ", .good)
                case .warning: style.painted("look   ", .warning)
                case .failed: style.painted("FAILED ", .bad)
                }
            let subject = finding.subject.isEmpty ? "" : " \(finding.subject)"
            let advice = finding.advice.isEmpty ? "" : "\n        -> \(finding.advice)"
            return "\(mark) \(finding.check)\(subject): \(finding.finding)\(advice)\n"
        }
        let warnings = findings.count { $0.state == .warning }
        return lines.joined() + "\n\(findings.count) checks: \(failed) failed, \(warnings) deserve a look\n"
    }
}

extension StatusReport {
    /// Whether what comes is new, as the doctor says it.
    var freshFindings: [Finding] {
        let findings = findings.filter { !$0.hasPrefix("not running") }
        guard !findings.isEmpty else { return [Finding("candles", "", .ok, "fresh")] }
        return findings.map {
            Finding(
                "candles", "", .warning, $0, "candlewick status shows each pair; candlewick tap feed what the feed says"
            )
        }
    }
}
