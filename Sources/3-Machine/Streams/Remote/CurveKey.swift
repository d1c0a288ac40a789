internal import CZeroMQ
public import Host

/// A public key of CURVE: 32 bytes, as 40 characters of Z85. Source: ZeroMQ RFC 26 (CurveZMQ) and 32 (Z85).
public struct CurveKey: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32
    static let textCount = 40

    /// The 40 characters.
    public let description: String

    /// - Returns: `nil` unless the text is a key.
    public init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: CurveKey.byteCount)
        guard text.utf8.count == CurveKey.textCount, zmq_z85_decode(&bytes, text) != nil else { return nil }
        description = text
    }

    /// - Parameter bytes: 32.
    init?(bytes: [UInt8]) {
        var text = [CChar](repeating: 0, count: CurveKey.textCount + 1)
        guard bytes.count == CurveKey.byteCount, zmq_z85_encode(&text, bytes, bytes.count) != nil else { return nil }
        description = CurveKey.text(text)
    }

    fileprivate static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A public key and the secret that belongs to it.
public struct CurvePair: Sendable {
    public let publicKey: CurveKey
    public let secret: Secret

    /// A new one. Its public key does not begin with a hyphen: commands would take that for an option.
    /// - Throws: `BusError` if libzmq was built without CURVE.
    public init() throws {
        var pair = try CurvePair.any()
        while pair.publicKey.description.hasPrefix("-") { pair = try CurvePair.any() }
        self = pair
    }

    private init(_ publicKey: CurveKey, _ secret: Secret) { (self.publicKey, self.secret) = (publicKey, secret) }

    private static func any() throws -> CurvePair {
        var texts = (
            [CChar](repeating: 0, count: CurveKey.textCount + 1), [CChar](repeating: 0, count: CurveKey.textCount + 1)
        )
        guard zmq_curve_keypair(&texts.0, &texts.1) == 0, let key = CurveKey(CurveKey.text(texts.0)) else {
            throw BusError("make", "a key pair")
        }
        return CurvePair(key, Secret(CurveKey.text(texts.1)))
    }

    /// - Parameter secret: 40 characters of Z85.
    /// - Returns: `nil` if it is no key.
    public init?(secret: Secret) {
        var text = [CChar](repeating: 0, count: CurveKey.textCount + 1)
        // A secret has the form of a public key.
        guard CurveKey(secret.reveal()) != nil, zmq_curve_public(&text, secret.reveal()) == 0,
            let key = CurveKey(CurveKey.text(text))
        else { return nil }
        (publicKey, self.secret) = (key, secret)
    }
}
