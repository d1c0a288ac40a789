package import Host
package import Settings

/// The ways that are configured.
package struct Ways: Sendable {
    package let all: [any Way]
    /// The dead man's switch, if one is set up.
    package let ping: Ping?

    /// - Throws: `Failure` (78) if an address or the token is not one, or if something that a way needs is missing.
    package init(_ settings: Configuration.Watch, environment: Environment) throws {
        var all: [any Way] = []
        if let url = try Ways.credential("CANDLEWICK_WATCH_URL", environment) {
            guard settings.shape != .telegram || settings.chat != nil else {
                throw Failure(
                    .configuration, "watch.shape telegram needs watch.chat: set it to the chat's number or @name")
            }
            let token = try Ways.credential("CANDLEWICK_WATCH_TOKEN", environment)
            guard token?.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ?? true else {
                throw Failure(
                    .configuration,
                    "CANDLEWICK_WATCH_TOKEN must be one line of printable ASCII characters without spaces: set the webhook's token alone"
                )
            }
            let address = try WebAddress(url, token: token, credential: "CANDLEWICK_WATCH_URL")
            all.append(Webhook(address, shape: settings.shape, chat: settings.chat))
        }
        if let command = settings.command { all.append(Command(command, environment: environment)) }
        if let mail = settings.mail { all.append(Mail(to: mail, environment: environment)) }
        self.all = all
        ping = try Ways.credential("CANDLEWICK_WATCH_PING_URL", environment).map {
            Ping(try WebAddress($0, credential: "CANDLEWICK_WATCH_PING_URL"))
        }
    }

    package var isEmpty: Bool { all.isEmpty && ping == nil }

    /// Why nothing can be sent.
    package static let missing = Failure(
        .configuration,
        """
        no way to send a message is configured: set the credential CANDLEWICK_WATCH_URL (a webhook), watch.command or watch.mail, or the \
        credential CANDLEWICK_WATCH_PING_URL (\(Document.path("monitoring.md")) shows each)
        """)

    /// `nil` also for an empty one, which the units give if there is no file.
    private static func credential(_ name: String, _ environment: Environment) throws -> String? {
        try environment.credential(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
