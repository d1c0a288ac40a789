package import Host
internal import Reports
package import Settings

/// A way to tell a person.
package protocol Way: Sendable {
    /// In one word.
    var name: String { get }

    /// Sends a message, in bounded time.
    /// - Parameter isCancelled: asked about once a second, if the way can be given up.
    /// - Returns: `nil`, or why it failed, without secrets.
    func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String?
}

/// A POST to an address on the web.
package struct Webhook: Way {
    package let name = "webhook"
    let address: WebAddress
    let shape: Configuration.Watch.Shape
    let chat: String?

    package init(_ address: WebAddress, shape: Configuration.Watch.Shape, chat: String? = nil) {
        (self.address, self.shape, self.chat) = (address, shape, chat)
    }

    package func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String? {
        let request = notice.request(shape, chat: chat)
        return address.send(request.body, headers: request.headers, isCancelled: isCancelled)
    }
}

/// A GET that says that all is well.
package struct Ping: Way {
    package let name = "ping"
    let address: WebAddress

    package init(_ address: WebAddress) { self.address = address }

    package func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String? {
        address.send(nil, isCancelled: isCancelled)
    }
}

/// A program of the user's, which gets the message as JSON.
package struct Command: Way {
    package let name = "command"
    let path: String
    let environment: [String: String]
    static let secondsMax = 10
    /// Of what it writes, so much is looked at.
    static let outputBytesMax = 4_096

    /// - Parameter environment: ours, of which it gets what holds no secrets.
    package init(_ path: String, environment: Environment) {
        (self.path, self.environment) = (path, Command.harmless(environment))
    }

    package func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String? {
        run([path], Array("\(encodedJSON(NoticeObject(notice)))\n".utf8), environment, named: path)
    }

    /// Named one by one, so that a secret with a name that is not known here stays out too.
    static func harmless(_ environment: Environment) -> [String: String] {
        let names = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"]
        return names.reduce(into: [:]) { $0[$1] = environment[$1] }
    }
}

/// Mail by the sendmail of this machine.
package struct Mail: Way {
    package let name = "mail"
    let address: String
    let program: String
    let environment: [String: String]

    package init(to address: String, environment: Environment, program: String = "/usr/sbin/sendmail") {
        (self.address, self.program) = (address, program)
        self.environment = Command.harmless(environment)
    }

    package func send(_ notice: Notice, isCancelled: @escaping @Sendable () -> Bool) -> String? {
        run([program, "-t", "-i"], Array(notice.mail(to: address).utf8), environment, named: program)
    }
}

private func run(_ command: [String], _ input: [UInt8], _ environment: [String: String], named name: String) -> String?
{
    do {
        let result = try ChildProcess.run(
            command, input: input, environment: environment, seconds: Command.secondsMax,
            keeping: Command.outputBytesMax)
        switch result.exitCode {
        case 0: return nil
        case ChildProcess.late: return "\(name) was not done after \(Command.secondsMax) s"
        case ChildProcess.missing: return "\(name) does not exist"
        case let code:
            let line = result.errors.split(whereSeparator: \.isNewline).first.map { ": \($0.prefix(200))" } ?? ""
            return "\(name) ended with \(code)\(line)"
        }
    } catch {
        return "\(error)"
    }
}
