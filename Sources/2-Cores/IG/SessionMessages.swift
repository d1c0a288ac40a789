internal import FoundationEssentials

/// The login, `POST /session` version 2. Source: `ig-api` § 2.1.
public enum LoginMessage {
    public static let version = 2

    /// The request's body. It holds the password: never log it.
    public static func body(identifier: String, password: String) -> [UInt8] {
        encode(["identifier": identifier, "password": password])
    }

    /// The body of the switch to another account, `PUT /session` version 1. Source: `ig-api` § 2.5.
    public static func switchBody(accountID: String) -> [UInt8] { encode(["accountId": accountID]) }

    private static func encode(_ fields: [String: String]) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(fields) else {
            preconditionFailure("a dictionary of strings is always JSON")
        }
        return [UInt8](data)
    }
}

/// What a login's body says. The tokens come in the headers.
public struct LoginReply: Decodable, Hashable, Sendable {
    public let currentAccountId: String
    /// Where the stream is: a URL without a path.
    public let lightstreamerEndpoint: String
    /// Hours from UTC of the account, daylight saving included.
    public let timezoneOffset: Int

    /// - Returns: `nil` where the body is not that of a login.
    public init?(body: [UInt8]) {
        guard let reply = try? JSONDecoder().decode(LoginReply.self, from: Data(withoutMark(body))) else { return nil }
        self = reply
    }
}

/// Any refusal's body. Source: `ig-api` § 7.
public enum ErrorReply {
    private struct Body: Decodable {
        let errorCode: String?
    }

    /// The broker's code; where the body has none, `http-<status>`.
    public static func code(body: [UInt8], status: Int) -> String {
        guard let reply = try? JSONDecoder().decode(Body.self, from: Data(withoutMark(body))),
            let code = reply.errorCode
        else { return "http-\(status)" }
        // Into logs: one line, and no more than a code needs.
        return String(code.unicodeScalars.filter { $0.value >= 32 && $0.value < 127 }.prefix(120).map(Character.init))
    }
}

/// Without the byte-order mark that some gateways put first.
func withoutMark(_ body: [UInt8]) -> ArraySlice<UInt8> {
    body.starts(with: [0xEF, 0xBB, 0xBF]) ? body.dropFirst(3) : body[...]
}
