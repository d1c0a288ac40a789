import Foundation
import TestKit
import Testing

@Suite(.timeLimit(.minutes(3)))
struct EncryptionTests {
    /// A key and a self-signed certificate for 127.0.0.1, made for this test.
    private func makeCertificate(in folder: TemporaryFolder) throws -> (certificate: String, key: String) {
        let (certificate, key) = (folder.path + "/certificate.pem", folder.path + "/key.pem")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return (certificate, key)
    }

    private func simulator(_ files: (certificate: String, key: String)) -> [String] {
        ["--tls-certificate", files.certificate, "--tls-key", files.key, "--speed", "300"]
    }

    @Test func `login and stream are encrypted, and the certificate is trusted where it is named`() async throws {
        let folder = TemporaryFolder()
        let files = try makeCertificate(in: folder)
        let pipeline = Pipeline(extra: ["IG_CA_FILE": files.certificate])
        try await pipeline.startAll(simulator: simulator(files))
        try await eventually("candles are stored") { try pipeline.count("SELECT COUNT(*) FROM candles") > 0 }
        let codes = try await pipeline.stop()
        #expect(codes.values.allSatisfy { $0 == 0 }, "\(codes) \(pipeline.logs)")
    }

    @Test func `a certificate that nobody vouches for gets no credentials`() async throws {
        let folder = TemporaryFolder()
        let files = try makeCertificate(in: folder)
        let pipeline = Pipeline()
        try await pipeline.start("ig-simulator", ["--port", "0"] + simulator(files))
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await eventually("the refusal is said") { ingest.standardError.contains("Login failed") }
        #expect(ingest.standardError.contains("certificate"), "\(ingest.standardError)")
        #expect(!ingest.standardOutput.contains("READY"))
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(10)) == 0)
    }
}
