import Glibc
import Host
import Streams
import Testing
import TestKit
import Wire

@Suite struct RelayMessageTests {
    @Test(arguments: Wire.Stream.journaled)
    func `a request is read as it was written`(stream: Wire.Stream) {
        let request = RelayRequest(stream, from: 0x0102_0304_0506_0708)
        #expect(request.bytes.count == RelayRequest.byteCount)
        #expect(request.bytes.withUnsafeBytes { RelayRequest(bytes: $0) } == request)
    }

    @Test(arguments: RelayAnswer.Kind.allCases)
    func `an answer is read as it was written`(kind: RelayAnswer.Kind) {
        let answer = RelayAnswer(kind, RelayRequest(.ticks, from: 7), next: 9)
        #expect(answer.head.count == RelayAnswer.headSize)
        #expect(answer.head.withUnsafeBytes { RelayAnswer(bytes: $0) } == answer)
    }

    @Test func `bytes that are not a request are refused`() {
        let good = RelayRequest(.ticks, from: 1).bytes
        let stored = Array("READ".utf8) + [0, 0, 0, 0] + RelayMessage.topic("stored") + good.suffix(8)
        for bytes in [[], Array(good.dropLast()), good + [0], [0] + good.dropFirst(), stored] {
            #expect(bytes.withUnsafeBytes { RelayRequest(bytes: $0) } == nil)
        }
    }

    @Test func `half a record is no answer`() {
        let head = RelayAnswer(.read, RelayRequest(.ticks, from: 1), next: 2).head
        let record = Make.tick(1, "1.1", "1.2").bytes
        for (count, isAnswer) in [(0, true), (64, true), (63, false), (65, false)] {
            let bytes = head + (record + record).prefix(count)
            #expect((bytes.withUnsafeBytes { RelayAnswer(bytes: $0) } != nil) == isAnswer)
        }
        #expect(head.dropLast().withUnsafeBytes { RelayAnswer(bytes: $0) } == nil)
    }

    @Test func `every stream's name fits before a record`() {
        let topics = (Wire.Stream.allCases.map(\.rawValue) + [RelayMessage.statusName]).map(RelayMessage.topic)
        #expect(Set(topics).count == Wire.Stream.allCases.count + 1)
        #expect(topics.allSatisfy { $0.count == 8 && $0.last == 0 })
    }

    @Test(
        arguments: [
            ("10.0.0.7:7411", "10.0.0.7", 7_411), ("prices.example:1", "prices.example", 1), ("*:0", "*", 0),
            ("[2001:db8::7]:65534", "[2001:db8::7]", 65_534),
        ] as [(String, String, UInt16)])
    func `an address is a host and a port`(text: String, host: String, port: UInt16) {
        #expect(RelayAddress(text) == RelayAddress(host: host, port: port))
        #expect(RelayAddress(text)?.description == text)
    }

    @Test(arguments: ["", "host", "host:", ":7411", "host:65535", "host:-1", "2001:db8::7:7411", "a b:1", "tcp://h:1"])
    func `a text that is not an address is refused`(text: String) { #expect(RelayAddress(text) == nil) }
}

@Suite struct KeyFolderTests {
    private let folder = TemporaryFolder()
    private var keys: KeyFolder { get throws { KeyFolder(try Paths(state: folder.path)) } }

    @Test func `a pair is two files, the secret for its owner alone, and never overwritten`() throws {
        let pair = try keys.make("desk")
        #expect(try KeyFolder.readKey(keys.publicFile("desk")) == pair.publicKey)
        #expect(try KeyFolder.readPair(keys.secretFile("desk")).publicKey == pair.publicKey)
        #expect(fileMode(try keys.secretFile("desk")) == 0o600)
        #expect(try #require(throws: Failure.self) { try keys.make("desk") }.code == .usage)
        #expect(try KeyFolder.readPair(keys.secretFile("desk")).publicKey == pair.publicKey)
        #expect("\(pair)".contains("‹secret›") && !"\(pair)".contains(pair.secret.reveal()))
    }

    @Test func `a secret that others can read is refused`() throws {
        _ = try keys.make("desk")
        chmod(try keys.secretFile("desk"), 0o640)
        let failure = try #require(throws: Failure.self) { try KeyFolder.readPair(keys.secretFile("desk")) }
        #expect(failure.code == .configuration && failure.description.contains("chmod 600"))
    }

    @Test func `the secret file is not taken for the public one, nor the other way round`() throws {
        _ = try keys.make("desk")
        #expect(throws: Failure.self) { try KeyFolder.readKey(keys.secretFile("desk")) }
        chmod(try keys.publicFile("desk"), 0o600)
        #expect(throws: Failure.self) { try KeyFolder.readPair(keys.publicFile("desk")) }
    }

    @Test func `allowed keys are listed by name, each once`() throws {
        let (a, b) = (try CurvePair().publicKey, try CurvePair().publicKey)
        #expect(try keys.allowed() == [])
        try keys.allow(b, as: "b")
        try keys.allow(a, as: "a")
        #expect(try keys.allowed().map(\.name) == ["a", "b"])
        #expect(throws: Failure.self) { try keys.allow(a, as: "c") }
        #expect(throws: Failure.self) { try keys.allow(try CurvePair().publicKey, as: "a") }
        folder.write("torn".utf8, to: "keys/allowed/c.key_public")
        try keys.remove("a")
        #expect(try keys.allowed().map(\.name) == ["b"])
        #expect(try #require(throws: Failure.self) { try keys.remove("a") }.code == .missingInput)
    }

    @Test(arguments: ["", "../x", "a/b", ".hidden", "-option", "a b", String(repeating: "a", count: 65), "ä"])
    func `a name that cannot be a file's is refused`(name: String) throws {
        #expect(throws: Failure.self) { try keys.make(name) }
        #expect(throws: Failure.self) { try keys.allow(try CurvePair().publicKey, as: name) }
        #expect(throws: Failure.self) { try keys.remove(name) }
    }

    @Test func `without the server's pair the command that makes it is named`() throws {
        let failure = try #require(throws: Failure.self) { try keys.server() }
        #expect(failure.code == .configuration && failure.description.contains("candlewick keys new --server"))
    }

    private func fileMode(_ path: String) -> UInt32 {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_mode & 0o777 : 0
    }
}
