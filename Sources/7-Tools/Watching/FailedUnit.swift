package import Host
package import MarketData
internal import Reports

extension Notice {
    /// The message that a systemd unit has failed.
    /// - Parameter environment: with the variables that systemd gives to a unit of `OnFailure=`: systemd.exec(5),
    ///   `$MONITOR_SERVICE_RESULT`.
    package static func failure(of unit: String, environment: Environment, at moment: UTCNanos, host: String) -> Notice
    {
        let finding = Finding("unit", unit, .failed, cause(environment), "journalctl -u \(unit) says why")
        let time = moment.seconds.rawValue
        return Notice(
            time: time, host: host, appeared: [WatchedFinding(finding, since: time)], badSince: time)
    }

    private static func cause(_ environment: Environment) -> String {
        let status = environment["MONITOR_EXIT_STATUS"]
        switch (environment["MONITOR_EXIT_CODE"], status) {
        case ("exited", let code?):
            let meaning =
                Int32(code).flatMap(ExitCode.init)?.meaning ?? (code == "243" ? "a credential's file is missing" : nil)
            return "ended with exit code \(code)" + (meaning.map { " (\($0))" } ?? "")
        case ("killed", let signal?), ("dumped", let signal?):
            let reason = environment["MONITOR_SERVICE_RESULT"].flatMap { $0 == "signal" ? nil : " (\($0))" } ?? ""
            return "was ended by SIG\(signal)\(reason)"
        default:
            let reason = environment["MONITOR_SERVICE_RESULT"]
            return "failed" + (reason.map { ": \($0)" } ?? "")
        }
    }
}

extension ExitCode {
    /// Source: docs/configuration.md § Exit codes.
    fileprivate var meaning: String {
        switch self {
        case .ok: "success"
        case .usage: "wrong arguments"
        case .badData: "damaged data"
        case .missingInput: "a file is missing"
        case .unavailable: "something outside is missing"
        case .software: "a bug"
        case .io: "disk or socket failed"
        case .temporary: "try again later"
        case .notPermitted: "the files belong to another user"
        case .configuration: "wrong configuration or credentials"
        }
    }
}
