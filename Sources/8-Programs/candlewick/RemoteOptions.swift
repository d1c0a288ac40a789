public import ArgumentParser
internal import Host
public import Streams

/// Where the relay of another machine is, and the keys for it.
struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Tap the pipeline of another machine: its relay's first port.", valueName: "host:port"))
    var fromHost: RelayAddress?

    @Option(
        help: "The relay's public key, or a file that holds it (server.key_public).", completion: .file())
    var serverKey: String?

    @Option(help: "The file of your secret key (NAME.key_secret).", completion: .file())
    var key: String?

    func validate() throws {
        if fromHost != nil, serverKey == nil || key == nil {
            throw ValidationError(
                "--from-host needs --server-key and --key: candlewick keys --help says how to make them")
        }
        if let fromHost, fromHost.host.contains("*") {
            throw ValidationError("--from-host needs the relay's name or address: '*' is for relay.listen alone")
        }
        if fromHost == nil, serverKey != nil || key != nil {
            throw ValidationError("--server-key and --key are for --from-host")
        }
    }

    /// `nil`: the pipeline of this machine.
    /// - Throws: `Failure` (65, 66, 78) if a key cannot be used.
    var login: RelayLogin? {
        get throws {
            guard let fromHost, let serverKey, let key else { return nil }
            let server = try CurveKey(serverKey) ?? KeyFolder.readKey(serverKey)
            return RelayLogin(address: fromHost, serverKey: server, pair: try KeyFolder.readPair(key))
        }
    }
}

extension RelayAddress: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
        if port == 0 { return nil }
    }
}

extension RelayLogin {
    /// What the relay sends live of one stream, or of the stages' status.
    func subscriber(_ name: String) throws -> RemoteSubscriber {
        try RemoteSubscriber(context: try BusContext(), login: self, name: name, clock: .system)
    }
}
