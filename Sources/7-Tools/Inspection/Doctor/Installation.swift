internal import Engines
internal import Reports
internal import FoundationEssentials
internal import Glibc
internal import Host
internal import MarketData
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// The checks of an installation without the broker.
struct Installation {
    let paths: Paths
    let collectors: Collectors
    let stages: [StatusListener.Heard]
    let clock: Clock

    var findings: [Finding] {
        [clockFinding] + whereabouts + folders + [disk, database] + programs + stageFindings + sockets + units
    }

    // MARK: Machine

    private var clockFinding: Finding {
        let now = clock.now().description
        return Clock.isKept
            ? Finding("clock", "", .ok, "\(now), synchronised")
            : Finding(
                "clock", "", .warning, "\(now), not synchronised",
                "set up timedatectl or chrony: a wrong clock breaks TLS, and replaces the broker's clock while the feed is silent"
            )
    }

    private var disk: Finding {
        guard let free = paths.free else {
            return Finding("disk", paths.state, .warning, "does not exist yet", "start the pipeline once")
        }
        let text = "\(byteText(free)) free"
        if free < Verdict.freeMin { return Finding("disk", paths.state, .failed, text, Verdict.diskAdvice) }
        if free < Verdict.freeWanted {
            return Finding(
                "disk", paths.state, .warning, text, "a busy day of 28 pairs adds some hundred MB to the journal")
        }
        return Finding("disk", paths.state, .ok, text)
    }

    // MARK: Folders and files

    /// Whose folders these are, and the others that a person may have meant.
    private var whereabouts: [Finding] {
        guard let installed = paths.installation else { return [] }
        let own = Paths.homeState(.process) ?? ""
        let isOther = ["journal", "candlewick.db"].contains { access("\(own)/\($0)", F_OK) == 0 }
        let folders = Finding(
            "folders", "", .ok, "\(paths.state), as installed (\(installed.configuration))",
            isOther ? "\(own) has data too: CANDLEWICK_STATE_DIR=\(own) before a command looks there" : "")
        guard installed.hidesEnvironment else { return [folders] }
        return [
            folders,
            Finding(
                "environment", installed.environmentFile, .ok,
                "only root can read it: its variables, such as CANDLEWICK_DATABASE, are not used here"),
        ]
    }

    private var folders: [Finding] {
        [("runtime folder", paths.runtime), ("state folder", paths.state)].map { name, path in
            var info = stat()
            guard stat(path, &info) == 0 else {
                return Finding(name, path, .warning, "does not exist yet", "the stages make it at their first start")
            }
            if info.st_mode & S_IFMT != S_IFDIR {
                return Finding(name, path, .failed, "is not a folder", "move it away")
            }
            if info.st_mode & 0o007 != 0 {
                return Finding(name, path, .failed, "other users may read it", "chmod o-rwx \(path)")
            }
            if let closed = ClosedPath(path, .list) {
                return Finding(name, path, .failed, closed.reason, closed.help)
            }
            return Finding(name, path, .ok, "open to owner and group only")
        }
    }

    private var database: Finding {
        do {
            let reader = try storeEngine.openReader(paths)
            try reader.checkSchema()
            let count = try reader.statistics().reduce(0) { $0 + $1.count }
            return count > 0
                ? Finding("database", paths.database, .ok, "\(count) candles, current version")
                : Finding(
                    "database", paths.database, .warning, "holds no candle yet", "wait for the first interval to end")
        } catch {
            return Finding("database", paths.database, .failed, "\(error)", advice(error))
        }
    }

    private func advice(_ error: any Error) -> String {
        let code = (error as? Failure)?.code
        if code == .notPermitted { return "" }  // The error says it.
        return code == .unavailable ? "start store-writer, and read its log" : Verdict.databaseAdvice
    }

    // MARK: Programs and stages

    private var programs: [Finding] {
        Stage.allCases.map { stage in
            let name = stage.name
            let path = "\(programFolder)/\(name)"
            guard let result = try? ChildProcess.run([path, "--version"], input: [], seconds: 10), result.exitCode == 0
            else {
                return Finding("program", name, .failed, "does not start from \(path)", "run scripts/install again")
            }
            let version = String(decoding: result.output, as: UTF8.self).filter { !$0.isNewline }
            return version == Program.version
                ? Finding("program", name, .ok, "version \(version)")
                : Finding(
                    "program", name, .failed, "is version \(version), this program \(Program.version)",
                    "install all programs of one version, then restart the stages")
        }
    }

    private var stageFindings: [Finding] {
        let table = StageTable(stages)
        return stages.map { stage in
            let state = table.state(stage)
            guard stage.status != nil else {
                let unit = unit(stage)
                return Finding(
                    "stage", stage.stage.name, isNeeded(stage) ? .failed : .warning,
                    "does not answer at \(paths.runtime)",
                    "systemctl start candlewick.target, or candlewick run; then read its log: journalctl -u \(unit)"
                ).of(name(stage.collector))
            }
            let isWell = ["live", "streaming"].contains(state)
            return Finding(
                "stage", stage.stage.name, isWell ? .ok : .warning, state,
                isWell ? "" : "check again in a minute, then read its log"
            ).of(name(stage.collector))
        }
    }

    private func unit(_ stage: StatusListener.Heard) -> String {
        Verdict.unit(stage.stage, stage.collector.flatMap { collectors.instance(of: $0) })
    }

    /// If there are several.
    private func name(_ collector: Collector?) -> String? { collectors.all.count > 1 ? collector?.name : nil }

    /// A collector without a file may have gone for good.
    private func isNeeded(_ stage: StatusListener.Heard) -> Bool {
        stage.collector.map { collectors.configuration(of: $0) != nil || collectors.all.count == 1 } ?? true
    }

    /// A socket of a stage that is gone is harmless, but says that it did not end in order.
    private var sockets: [Finding] {
        let shared = Stream.allCases.filter { !$0.isCollected }.map { ($0.rawValue, try? paths.endpoint($0)) }
        let writers = Stage.daemons.filter { !$0.isOfCollector }.map {
            ("\($0.name).status", try? paths.statusEndpoint($0))
        }
        return collectors.all.flatMap { collector in
            let own = paths.of(collector)
            let streams = Stream.allCases.filter(\.isCollected).map { ($0.rawValue, try? own.endpoint($0)) }
            let stages = Stage.daemons.filter(\.isOfCollector).map {
                ("\($0.name).status", try? own.statusEndpoint($0))
            }
            return sockets(streams + stages).map { $0.of(name(collector)) }
        } + sockets(shared + writers)
    }

    private func sockets(_ endpoints: [(name: String, endpoint: String?)]) -> [Finding] {
        endpoints.compactMap { name, endpoint in
            guard let endpoint else {
                return Finding(
                    "socket", name, .failed, "its path in \(paths.runtime) is too long for a Unix socket",
                    "set a shorter CANDLEWICK_RUNTIME_DIR")
            }
            let path = String(endpoint.dropFirst("ipc://".count))
            guard access(path, F_OK) == 0, FileLock.owner("\(path).lock") == nil else { return nil }
            return Finding(
                "socket", path, .warning, "left by a stage that has ended",
                "nothing to do: the stage replaces it at its next start"
            )
        }
    }

    // MARK: Units

    private var units: [Finding] {
        guard access("/run/systemd/system", F_OK) == 0 else {
            return [Finding("units", "", .ok, "systemd does not run here")]
        }
        let names =
            ["candlewick.target"]
            + stages.filter(isNeeded).map { "\(unit($0)).service" }
        return names.map { name in
            func answer(_ question: String) -> String {
                let result = try? ChildProcess.run(["systemctl", question, name], input: [], seconds: 10)
                return String(decoding: result?.output ?? [], as: UTF8.self).filter { !$0.isNewline }
            }
            let (enabled, active) = (answer("is-enabled"), answer("is-active"))
            let isMeant = name == "candlewick.target"
            if enabled.isEmpty || enabled == "not-found" {
                return Finding("units", name, .warning, "not installed", "scripts/install, as root")
            }
            if isMeant, enabled != "enabled" {
                return Finding("units", name, .warning, enabled, "systemctl enable --now candlewick.target")
            }
            return active == "active"
                ? Finding("units", name, .ok, "active")
                : Finding("units", name, .failed, active, "systemctl status \(name)")
        }
    }
}
