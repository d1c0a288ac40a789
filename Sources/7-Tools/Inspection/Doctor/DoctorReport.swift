public import Reports
internal import FoundationEssentials
public import Host
internal import MarketData
internal import Settings
internal import Streams
internal import Wire

/// The whole installation looked at, and what to do about each finding.
public struct DoctorReport: Report, Encodable {
    public private(set) var findings: [Finding]
    /// How many there were, those left out too.
    private let checks: Int

    /// The same with what needs a look alone.
    public var withoutOK: DoctorReport {
        var report = self
        report.findings.removeAll { $0.state == .ok }
        return report
    }

    private enum CodingKeys: CodingKey { case findings }

    init(_ findings: [Finding]) { (self.findings, checks) = (findings, findings.count) }

    /// - Parameter asksBroker: logs in, and subscribes to each instrument, by `ingest-stream --check`.
    public init(paths: Paths, clock: Clock, asksBroker: Bool) throws {
        var findings: [Finding] = []
        do {
            let collectors = try Collectors(environment: .process, paths: paths)
            findings += collectors.all.map { DoctorReport.configuration($0, collectors) }
            let stages = try DoctorReport.stages(paths, collectors, clock)
            findings += Installation(paths: paths, collectors: collectors, stages: stages, clock: clock).findings
            if asksBroker { findings += DoctorReport.askBroker(paths, collectors) }
            // Without a database it has been said already.
            let status = try? StatusReport(stages: stages, paths: paths, collectors: collectors, clock: clock)
            findings += status?.verdict.doctorFindings ?? []
        } catch let failure as Failure where failure.code == .configuration {
            findings.append(
                Finding(
                    "configuration", "", .failed, "\(failure)",
                    "correct it: \(Document.path("configuration.md")) has every key"))
        }
        self.init(findings)
    }

    /// What the stages say; nothing of them if their sockets are closed to this user, which is a finding of its own.
    private static func stages(_ paths: Paths, _ collectors: Collectors, _ clock: Clock) throws
        -> [StatusListener.Heard]
    {
        do {
            return try StatusListener.collect(
                paths: paths, collectors: collectors.all, milliseconds: 2_000, clock: clock)
        } catch let failure as Failure where failure.code == .notPermitted {
            return []
        }
    }

    public var failed: Int { findings.count { $0.state == .failed } }

    private static func configuration(_ collector: Collector, _ collectors: Collectors) -> Finding {
        let name = collectors.all.count > 1 ? collector.name : nil
        guard let configuration = collectors.configuration(of: collector) else {
            return Finding(
                "configuration", "", .warning, "no file",
                "\(Document.path("configuration.md")) says where its file belongs"
            ).of(name)
        }
        let timeframes = configuration.timeframes.map(\.description).joined(separator: ", ")
        return Finding("configuration", "", .ok, "\(configuration.instruments.count) instruments, \(timeframes)").of(
            name)
    }

    /// The own collector's account is asked; the others' credentials are not known here.
    private static func askBroker(_ paths: Paths, _ collectors: Collectors) -> [Finding] {
        let own = collectors.own.collector
        let others = collectors.files.sorted { $0.key < $1.key }.filter { $0.key != own }.map { collector, file in
            Finding(
                "broker", "", .warning, "not checked: its account has credentials of its own",
                "CANDLEWICK_CONFIG=\(file) candlewick doctor, with these credentials"
            ).of(collector.name)
        }
        return askBroker(paths).map { $0.of(others.isEmpty ? nil : own.name) } + others
    }

    /// The findings of `ingest-stream --check`, which speaks the broker's protocols.
    private static func askBroker(_ paths: Paths) -> [Finding] {
        let program = "\(programFolder)/ingest-stream"
        do {
            // The login leaves a mark there, which the daemon must be able to renew.
            if FileManager.default.fileExists(atPath: paths.state) {
                try expectOwner(of: paths.state, "ask the broker")
            }
        } catch {
            return [
                Finding("broker", "", .warning, "not checked: \(error)", "runuser -u candlewick -- candlewick doctor")
            ]
        }
        let decoder = JSONDecoder()
        guard let result = try? ChildProcess.run([program, "--check", "--json"], input: [], seconds: 180) else {
            return [Finding("broker", "", .failed, "\(program) cannot be started", "run scripts/install again")]
        }
        let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
        let findings = lines.compactMap { try? decoder.decode(Finding.self, from: Data($0.utf8)) }
        guard findings.isEmpty else { return findings }
        let reason = result.errors.split(separator: "\n").first.map(String.init) ?? "exit code \(result.exitCode)"
        return [Finding("broker", "", .failed, reason, "ingest-stream --check shows more")]
    }

    public func text(_ style: TextStyle) -> String {
        let lines = DoctorReport.together(findings).map { $0.text(mark: style.painted($0.stateText, $0.tone)) }
        let warnings = findings.count { $0.state == .warning }
        let space = lines.isEmpty ? "" : "\n"
        return lines.joined() + "\(space)\(checks) checks: \(failed) failed, \(warnings) warnings\n"
    }

    /// Each instrument of the broker has a line or two of its own: those in order share one.
    private static func together(_ findings: [Finding]) -> [Finding] {
        var lines: [Finding] = []
        for (index, finding) in findings.enumerated() {
            let alike = findings.filter { $0.isLike(finding) }
            guard alike.count > 2, finding.isOfInstrument else {
                lines.append(finding)
                continue
            }
            if findings[..<index].contains(where: { $0.isLike(finding) }) { continue }
            let text = "\(alike.count) in order, such as \(finding.subject): \(finding.finding)"
            lines.append(Finding(finding.check, "", .ok, text).of(finding.collector))
        }
        return lines
    }
}

extension Finding {
    /// In order, and one of many.
    fileprivate var isOfInstrument: Bool { state == .ok && ["market", "stream"].contains(check) && advice.isEmpty }

    fileprivate func isLike(_ other: Finding) -> Bool {
        isOfInstrument && other.isOfInstrument && (check, collector) == (other.check, other.collector)
    }
}

extension Verdict {
    /// The verdict's findings, except those of stages and disk, which the doctor has already.
    fileprivate var doctorFindings: [Finding] {
        let findings = findings.filter { !["stages", "disk"].contains($0.check) }
        return findings.isEmpty ? [Finding("verdict", "", .ok, "feed, pairs and candles are in order")] : findings
    }
}
