/// What to do about a refused request. Decided by the `errorCode`, not by the HTTP status, which varies
/// between the broker's gateways. Source: `ig-api` § 7 and § 2.8.
public enum RESTDisposition: Hashable, Sendable {
    /// Trying again cannot help, or can lock the account.
    case final
    /// Try again after a back-off.
    case retry
    /// The session's tokens are dead: log in once, then repeat the request once. For a login itself it is
    /// a back end in maintenance: try again later.
    case logIn
    /// Requests came too fast: wait for the next minute.
    case slowDown
    /// The weekly allowance of historical points is spent.
    case allowanceSpent
    /// This request is wrong; others may succeed.
    case wrongRequest

    public init(status: Int, errorCode: String) {
        if let known = RESTDisposition.known(errorCode) {
            self = known
        } else if status == 401 || status == 403 {
            // An unknown refusal of a person or a key: better to ask than to be locked out.
            self = .final
        } else if status == 429 {
            self = .slowDown
        } else if status >= 500 || status < 400 {
            self = .retry
        } else {
            self = .wrongRequest
        }
    }

    private static func known(_ code: String) -> RESTDisposition? {
        let finals = [
            "error.security.invalid-details", "error.security.too-many-failed-attempts",
            "error.security.invalid-application", "error.security.invalid-website", "error.security.client-suspended",
            "error.security.account-suspended", "error.security.all-accounts-",
            "error.security.account-not-yet-activated",
            "error.security.account-migrated", "error.security.account-access-denied", "error.security.api-key-",
            "error.public-api.failure.", "authentication.failure.", "endpoint.unavailable.for.api-key", "error.switch.",
        ]
        let requests = [
            "validation.", "invalid.input", "invalid.request.", "invalid.url", "error.malformed.date", "error.request.",
            "error.invalid.", "error.unsupported.epic", "error.public-api.too-many-epics",
            "error.public-api.epic-not-found", "error.error.price-history.io-error",
            "unauthorised.access.to.equity.exception",
        ]
        let retries = [
            "system.error", "error.security.get.session.timeout", "error.security.authentication.timeout",
            "error.security.generic", "error.switch.cannot-set-default-account",
        ]
        if retries.contains(where: code.hasPrefix) { return .retry }
        if finals.contains(where: code.hasPrefix) { return .final }
        if code.hasPrefix("error.security."), code.contains("-token-") { return .logIn }
        if code == "error.public-api.exceeded-account-historical-data-allowance" { return .allowanceSpent }
        if code.hasPrefix("error.public-api.exceeded-") { return .slowDown }
        return requests.contains(where: code.hasPrefix) ? .wrongRequest : nil
    }

    /// What a login does: a wrong request cannot become right by itself.
    public var forLogin: RESTDisposition {
        switch self {
        case .wrongRequest: .final
        case .logIn: .retry
        case .final, .retry, .slowDown, .allowanceSpent: self
        }
    }
}

/// A REST request that did not succeed.
public struct RESTError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Cause: Hashable, Sendable {
        /// No answer: the transport's reason.
        case transport(String)
        /// The broker's answer.
        case refused(status: Int, errorCode: String)
        /// An answer that cannot be read.
        case unreadable(String)
    }

    /// Method and path, such as `POST /session`; no query.
    public let operation: String
    public let cause: Cause

    public init(operation: String, cause: Cause) {
        self.operation = operation
        self.cause = cause
    }

    public var disposition: RESTDisposition {
        switch cause {
        case .transport, .unreadable: .retry
        case .refused(let status, let errorCode): RESTDisposition(status: status, errorCode: errorCode)
        }
    }

    public var description: String {
        switch cause {
        case .transport(let reason): "\(operation): no answer: \(reason)"
        case .refused(let status, let errorCode): "\(operation): refused with \(status) \(errorCode)"
        case .unreadable(let reason): "\(operation): unreadable answer: \(reason)"
        }
    }

    /// What a person has to do about a refusal that stays.
    public var advice: String {
        guard case .refused(_, let errorCode) = cause else { return "try again later" }
        return RESTError.advice(errorCode: errorCode)
    }

    /// What a person has to do about a login that cannot succeed.
    public static func advice(errorCode: String) -> String {
        switch errorCode {
        case "error.security.invalid-details": "user name or password is wrong (IG_USERNAME, IG_PASSWORD)"
        case "error.security.too-many-failed-attempts":
            "the account is locked after too many failed attempts: unlock it at IG"
        case "error.public-api.failure.encryption.required":
            "this account needs an encrypted password, which is not supported yet"
        case let code where code.hasPrefix("error.security.api-key-"):
            "the API key is not valid at this server (IG_API_KEY; demo and live have different keys, see IG_DEMO)"
        case let code where code.hasPrefix("validation."): "IG does not accept the format of the user name or password"
        default: "log in at IG's site: the account needs attention there"
        }
    }
}
