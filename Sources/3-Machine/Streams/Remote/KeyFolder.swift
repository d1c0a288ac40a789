internal import Glibc
public import Host
public import MarketData

/// The keys of the relay and its clients: `$STATE/keys/NAME.key_public` and `.key_secret`, one key in Z85 and a line's
/// end in each; the relay's own pair is named `server`. `$STATE/keys/allowed/NAME.key_public`: who may connect.
/// Source: docs/formats.md § 7.
public struct KeyFolder: Sendable {
    /// A key that may connect.
    public struct Allowed: Hashable, Sendable {
        public let name: String
        public let key: CurveKey
    }

    /// The name of the relay's own pair.
    public static let serverName = "server"

    public let path: String
    private var allowedPath: String { "\(path)/allowed" }

    private static let publicSuffix = ".key_public"
    private static let secretSuffix = ".key_secret"

    public init(_ paths: Paths) { path = "\(paths.state)/keys" }

    public func publicFile(_ name: String) -> String { "\(path)/\(name)\(KeyFolder.publicSuffix)" }
    public func secretFile(_ name: String) -> String { "\(path)/\(name)\(KeyFolder.secretSuffix)" }
    private func allowedFile(_ name: String) -> String { "\(allowedPath)/\(name)\(KeyFolder.publicSuffix)" }

    /// Makes a pair and its two files.
    /// - Throws: `Failure` (64) if one of them is there, or the name is not valid; (74); `BusError`.
    public func make(_ name: String) throws -> CurvePair {
        try KeyFolder.check(name)
        try makeFolder(path, mode: 0o750)
        for file in [publicFile(name), secretFile(name)] where access(file, F_OK) == 0 {
            throw Failure(.usage, "\(file) exists and is never overwritten: choose another name, or remove it first")
        }
        let pair = try CurvePair()
        try KeyFolder.write(pair.secret.reveal(), to: secretFile(name), mode: 0o600)
        try KeyFolder.write(pair.publicKey.description, to: publicFile(name), mode: 0o640)
        return pair
    }

    /// The relay's own pair.
    /// - Throws: `Failure` (78) if it is missing, or its file holds no key.
    public func server() throws -> CurvePair {
        let file = secretFile(KeyFolder.serverName)
        guard access(file, F_OK) == 0 else {
            throw Failure(
                .configuration, "the relay has no key, \(file) is missing: make it with candlewick keys new --server")
        }
        return try KeyFolder.readPair(file)
    }

    /// Lets a key connect.
    /// - Throws: `Failure` (64) if the name is taken or not valid, or the key has another name; (74).
    public func allow(_ key: CurveKey, as name: String) throws {
        try KeyFolder.check(name)
        if let known = try allowed().first(where: { $0.key == key }) {
            throw Failure(.usage, "this key is allowed already, as \(known.name)")
        }
        guard access(allowedFile(name), F_OK) != 0 else {
            throw Failure(.usage, "\(name) is the name of another key: candlewick keys remove \(name) takes it away")
        }
        try makeFolder(allowedPath, mode: 0o750)
        try KeyFolder.write(key.description, to: allowedFile(name), mode: 0o640)
    }

    /// Takes a key away.
    /// - Throws: `Failure` (66) if it is not there; (74).
    public func remove(_ name: String) throws {
        try KeyFolder.check(name)
        guard unlink(allowedFile(name)) == 0 else {
            let code: ExitCode = errno == ENOENT ? .missingInput : .io
            throw Failure(code, "\(allowedFile(name)) cannot be removed: \(systemMessage(errno))")
        }
    }

    /// The keys that may connect, by name. Files that hold no key are left out.
    /// - Throws: `JournalError` if the folder cannot be read.
    public func allowed() throws -> [Allowed] {
        try names(in: allowedPath, KeyFolder.publicSuffix).compactMap { name in
            (try? KeyFolder.readKey(allowedFile(name))).map { Allowed(name: name, key: $0) }
        }
    }

    /// When a key was last added to those that may connect, or removed; `nil` if there has been none.
    public var allowedChange: UTCNanos? {
        var info = stat()
        guard stat(allowedPath, &info) == 0 else { return nil }
        return UTCNanos(rawValue: Int64(info.st_mtim.tv_sec) * UTCNanos.perSecond + Int64(info.st_mtim.tv_nsec))
    }

    /// The pairs in the folder, by name.
    /// - Throws: `JournalError` if the folder cannot be read.
    public func pairs() throws -> [Allowed] {
        try names(in: path, KeyFolder.publicSuffix).compactMap { name in
            (try? KeyFolder.readKey(publicFile(name))).map { Allowed(name: name, key: $0) }
        }
    }

    private func names(in folder: String, _ suffix: String) throws -> [String] {
        try fileNames(in: folder).filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }.sorted()
    }

    private static func check(_ name: String) throws {
        let isName =
            (1...64).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasPrefix("-")
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._-".utf8.contains(byte)
            }
        guard isName else {
            throw Failure(.usage, "'\(name)' cannot be the name of a key: 1 to 64 letters, digits, '.', '_' and '-'")
        }
    }

    /// A new file, on the disk when this returns.
    private static func write(_ key: String, to path: String, mode: mode_t) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw Failure(.io, "\(path) cannot be made: \(systemMessage(errno))") }
        defer { close(file) }
        let text = key + "\n"
        guard Glibc.write(file, text, text.utf8.count) == text.utf8.count, fsync(file) == 0 else {
            let code = errno
            unlink(path)
            throw Failure(.io, "\(path) cannot be written: \(systemMessage(code))")
        }
    }
}

// MARK: - Files of keys, wherever they are

extension KeyFolder {
    /// Reads a public key.
    /// - Throws: `Failure` (66) if the file cannot be read, (65) if it holds no public key.
    public static func readKey(_ path: String) throws -> CurveKey {
        guard !path.hasSuffix(secretSuffix) else {
            throw Failure(.badData, "\(path) is a secret key: give the public one, *\(publicSuffix)")
        }
        guard let key = CurveKey(try readText(path)) else { throw Failure(.badData, noKey(path)) }
        return key
    }

    /// Reads a secret key.
    /// - Throws: `Failure` (66) if the file cannot be read, (65) if it holds no key, (78) if others can read it.
    public static func readPair(_ path: String) throws -> CurvePair {
        var info = stat()
        if stat(path, &info) == 0, info.st_mode & 0o077 != 0 {
            throw Failure(.configuration, "other users can read the secret key \(path): chmod 600 it")
        }
        guard !path.hasSuffix(publicSuffix) else {
            throw Failure(.badData, "\(path) is a public key: give the secret one, *\(secretSuffix)")
        }
        guard let pair = CurvePair(secret: Secret(try readText(path))) else { throw Failure(.badData, noKey(path)) }
        return pair
    }

    private static func noKey(_ path: String) -> String {
        "\(path) holds no key: a key has 40 characters of Z85 (candlewick keys new)"
    }

    /// The first line.
    private static func readText(_ path: String) throws -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(.missingInput, "\(path) cannot be read: \(systemMessage(errno))") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { throw Failure(.missingInput, "\(path) cannot be read: \(systemMessage(errno))") }
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != 13 }, as: UTF8.self)
    }
}
