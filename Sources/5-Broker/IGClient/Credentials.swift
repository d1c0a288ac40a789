public import Host

/// What logs in at the broker. From the environment, or from systemd credentials (files of the same
/// names in `$CREDENTIALS_DIRECTORY`); never from arguments.
public struct Credentials: Sendable {
    public let apiKey: Secret
    public let identifier: Secret
    public let password: Secret
    /// `IG_ACC_NUMBER`; `nil`: the account that the broker prefers.
    public let accountID: String?
    /// The REST base without a trailing slash, such as `https://demo-api.ig.com/gateway/deal`.
    public let restURL: String

    /// `IG_CA_FILE`: PEM certificates to trust for REST and streaming, for a proxy or the simulator; `nil`:
    /// those of the system.
    public let trustFile: String?

    public static let demoURL = "https://demo-api.ig.com/gateway/deal"
    public static let liveURL = "https://api.ig.com/gateway/deal"

    /// - Throws: `Failure` (78) that names what is missing.
    public init(environment: Environment) throws {
        func required(_ name: String) throws -> Secret {
            guard let value = try environment.credential(name), !value.isEmpty else {
                throw Failure(
                    .configuration, "\(name) is not set: set it in the environment or as a systemd credential")
            }
            return Secret(value)
        }
        apiKey = try required("IG_API_KEY")
        identifier = try required("IG_USERNAME")
        password = try required("IG_PASSWORD")
        accountID = try environment.credential("IG_ACC_NUMBER").flatMap { $0.isEmpty ? nil : $0 }
        trustFile = environment["IG_CA_FILE"]
        let demo: Bool
        switch environment["IG_DEMO"]?.lowercased() {
        case nil, "", "true", "1", "yes": demo = true
        case "false", "0", "no": demo = false
        case let other?: throw Failure(.configuration, "IG_DEMO is '\(other)': it must be true or false")
        }
        var base = environment["IG_REST_URL"] ?? (demo ? Credentials.demoURL : Credentials.liveURL)
        let isLocal = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { local in
            base.hasPrefix(local) && [":", "/", nil].contains(base.dropFirst(local.count).first)
        }
        guard !base.contains("@"), base.hasPrefix("https://") || isLocal else {
            throw Failure(
                .configuration, "IG_REST_URL must begin with https:// (http:// only for this machine: 127.0.0.1)")
        }
        while base.hasSuffix("/") { base.removeLast() }
        restURL = base
    }
}
