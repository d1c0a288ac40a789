internal import ArgumentParser
internal import Host
internal import Logging
internal import Relaying
internal import Settings
internal import Streams

@main
struct RelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candlewick-relay",
        abstract: "Offers the streams to other machines, encrypted.",
        discussion: """
            Optional: the pipeline runs without it, and the stages themselves never listen
            on the network. Listens on two TCP ports: what comes live goes out on the
            first; on the second, stretches of the journals can be asked for. Both are
            encrypted by CURVE, and let only those in whose key is allowed. Reads the bus
            and the journals, writes nothing, and never delays a stage: a slow client
            loses live messages and asks for them again.

            SET UP
              candlewick keys new --server          the relay's own key, once
              candlewick keys allow FILE NAME       who may connect
              relay: {listen: '*:7411'}             in the configuration; the second port
                                                    is 7412

            On the other machine:
              candlewick keys new desk
              candlewick tap ticks --from-host HOST:7411 --server-key FILE --key FILE

            \(Document.path("scaling.md")) shows each step, and python/relay.py is a client in Python.

            Prints READY on standard output when it serves. SIGTERM stops it in order.


            """ + Program.environmentHelp,
        version: Program.version)

    @OptionGroup var options: StageOptions

    func run() {
        Program.run("candlewick-relay", options, makesFolders: false) { setup, logger in
            let relay = try Relay(
                paths: setup.paths, configuration: setup.configuration, service: setup.service, clock: .system,
                logger: logger)
            let second = RelayAddress(host: relay.address.host, port: relay.address.port + 1)
            Program.ready([("live", "tcp://\(relay.address)"), ("requests", "tcp://\(second)")])
            try relay.run(until: setup.stop)
        }
    }
}
