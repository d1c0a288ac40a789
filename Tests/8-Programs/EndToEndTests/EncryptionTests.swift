import Foundation
import Testing
import TestKit

@Suite(.serialized, .timeLimit(.minutes(3)))
struct EncryptionTests {
    @Test func `login and stream are encrypted, and the certificate is trusted where it is named`() async throws {
        let folder = TemporaryFolder()
        let files = try Certificate(in: folder)
        let pipeline = Pipeline(extra: ["IG_CA_FILE": files.certificate])
        try await pipeline.startAll(simulator: files.arguments + ["--speed", "300"])
        try await eventually("candles are stored") { try pipeline.count("SELECT COUNT(*) FROM candles") > 0 }
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
    }

    /// A certificate that must be refused, and what is said then.
    enum Bad: CaseIterable {
        case unknown, expired, otherHost

        func certificate(in folder: TemporaryFolder) throws -> Certificate {
            switch self {
            case .unknown: try Certificate(in: folder)
            case .expired: try Certificate(in: folder, days: -1)
            case .otherHost: try Certificate(in: folder, name: "DNS:other.example.com")
            }
        }

        /// Trusted but for what is wrong with it.
        func trust(_ files: Certificate) -> [String: String] {
            self == .unknown ? [:] : ["IG_CA_FILE": files.certificate]
        }

        var told: String {
            switch self {
            case .unknown: "self-signed certificate"
            case .expired: "certificate has expired"
            case .otherHost: "no alternative certificate subject name"
            }
        }
    }

    @Test(arguments: Bad.allCases)
    func `a login server whose certificate is wrong gets no credentials, and the line says why`(
        bad: Bad
    ) async throws {
        let folder = TemporaryFolder()
        let files = try bad.certificate(in: folder)
        let pipeline = Pipeline(extra: bad.trust(files))
        pipeline.configure("stream:\n  login_spacing_seconds: 0\n")
        let simulator = try await pipeline.start(
            "ig-simulator", ["--port", "0", "--log-level", "debug"] + files.arguments)
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await pipeline.told(
            "ingest-stream", "Login failed, trying again until it succeeds", "certificate", bad.told)
        try await expectNothingStreamed(ingest)
        #expect(!simulator.standardError.contains("request refused"))
    }

    @Test(arguments: Bad.allCases)
    func `a streaming server whose certificate is wrong gets no tokens, and the line says why`(bad: Bad) async throws {
        let folder = TemporaryFolder()
        let files = try bad.certificate(in: folder)
        let pipeline = Pipeline(extra: bad.trust(files))
        let stream = try pipeline.launch("ig-simulator", ["--port", "0"] + files.arguments)
        let url = try #require(try await stream.ready()["stream"])
        try await pipeline.start("ig-simulator", ["--port", "0", "--stream-url", url])
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await pipeline.told("ingest-stream", "WebSocket cannot be opened, trying HTTP streaming", "certificate")
        try await pipeline.told("ingest-stream", "Next attempt after a pause", "certificate", bad.told)
        try await expectNothingStreamed(ingest)
        #expect(!stream.standardError.contains("session created"))
    }

    private func expectNothingStreamed(_ ingest: RunningProgram) async throws {
        #expect(ingest.standardOutput == "")
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(10)) == 0)
    }
}

/// A key and a self-signed certificate, made for one test by the openssl command.
struct Certificate {
    let certificate: String
    private let key: String

    /// - Parameters:
    ///   - name: whom it is for.
    ///   - days: how long it is good from now on; below 0 it has expired.
    init(in folder: TemporaryFolder, name: String = "IP:127.0.0.1", days: Int = 2) throws {
        certificate = folder.path + "/certificate.pem"
        key = folder.path + "/key.pem"
        let request = folder.path + "/request.pem"
        try Certificate.openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=candlewick-test", "-addext", "subjectAltName=\(name)", "-keyout", key, "-out", request,
        ])
        try Certificate.openssl([
            "x509", "-req", "-in", request, "-signkey", key, "-days", String(days), "-copy_extensions", "copyall",
            "-out", certificate,
        ])
    }

    /// The options that let ig-simulator show it.
    var arguments: [String] { ["--tls-certificate", certificate, "--tls-key", key] }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
