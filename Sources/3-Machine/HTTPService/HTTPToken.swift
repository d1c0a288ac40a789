internal import FoundationEssentials
public import Host

/// The secret that lets a client in.
public struct HTTPToken: Sendable {
    /// Characters that a token may have.
    public static let lengths = 16...256

    private let secret: Secret
    /// The token with zeros behind it.
    private let padded: Secret

    /// - Returns: `nil` if its length is not one of `lengths`, or if it has another character than printable ASCII, or a
    ///   space or colon.
    public init?(_ secret: Secret) {
        let bytes = secret.reveal().utf8
        guard HTTPToken.lengths.contains(bytes.count),
            bytes.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ":") })
        else { return nil }
        self.secret = secret
        padded = Secret(secret.reveal() + String(repeating: "\0", count: HTTPToken.lengths.upperBound - bytes.count))
    }

    /// Whether an `Authorization` header holds the token: `Bearer TOKEN`, or `Basic` with the token as the password of any
    /// user. Source: RFC 6750 § 2.1, RFC 7617 § 2.
    func isIn(_ header: String) -> Bool {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return false }
        switch parts[0].lowercased() {
        case "bearer": return isEqual(Array(parts[1].utf8))
        case "basic":
            guard let login = Data(base64Encoded: String(parts[1])), let colon = login.firstIndex(of: UInt8(ascii: ":"))
            else { return false }
            return isEqual(Array(login[(colon + 1)...]))
        default: return false
        }
    }

    /// Takes the same time for each token of one length, however much of it is right, and shows no length of ours.
    private func isEqual(_ given: [UInt8]) -> Bool {
        let known = Array(padded.reveal().utf8)
        var difference: UInt8 = given.count > known.count ? 1 : 0
        for index in known.indices {
            difference |= known[index] ^ (index < given.count ? given[index] : 0)
        }
        // A zero in the given one would stand for the padding.
        for byte in given { difference |= byte == 0 ? 1 : 0 }
        return difference == 0
    }
}
