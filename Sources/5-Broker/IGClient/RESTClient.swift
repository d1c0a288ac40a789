internal import CCurl
internal import Curl
public import Host
public import IG
public import MarketData

/// One request to the broker.
public struct RESTRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    public var method: Method
    /// From the base on, such as `/session`; may have a query.
    public var path: String
    /// The endpoint's version.
    public var version: Int
    public var body: [UInt8]?
    /// Beside those that every request has; values may be secrets.
    public var headers: [(name: String, value: Secret)] = []

    public init(_ method: Method, _ path: String, version: Int, body: [UInt8]? = nil) {
        self.method = method
        self.path = path
        self.version = version
        self.body = body
    }

    /// Method and path without the query, for errors and logs.
    public var operation: String { "\(method.rawValue) \(path.prefix { $0 != "?" })" }
}

/// An answer with a status from 200 to 299.
public struct RESTReply: Sendable {
    public let status: Int
    public let body: [UInt8]
    /// Names in lower case; tokens are among the values.
    public let headers: [String: Secret]

    /// The server's clock, whole seconds, by its `Date` header; `nil` without one.
    public var serverTime: UTCNanos? {
        guard let date = headers["date"] else { return nil }
        let seconds = curl_getdate(date.reveal(), nil)
        // Until 2200: what is later cannot be counted in nanoseconds for long.
        guard (0..<7_258_118_400).contains(seconds) else { return nil }
        return UTCNanos(seconds: UTCSeconds(rawValue: Int64(seconds)))
    }
}

/// Blocking HTTPS requests over libcurl. Certificates are verified, redirects are not followed (they would
/// take the credentials elsewhere).
///
/// - Note: One thread at a time.
public final class RESTClient {
    /// Without a slash at its end.
    public let base: String
    let apiKey: Secret
    private let trustFile: String?
    /// The time for one request, in seconds.
    public var answerSeconds = 30
    /// Asked about once a second while a request waits for its answer: whether to give it up.
    public var isCancelled: (() -> Bool)?
    private static let bodySizeMax = 64 << 20

    /// - Parameter trustFile: PEM certificates to trust instead of the system's; for test servers.
    public init(base: String, apiKey: Secret, trustFile: String? = nil) {
        self.base = base
        self.apiKey = apiKey
        self.trustFile = trustFile
    }

    private func handle(for request: RESTRequest) throws(RESTError) -> CurlHandle {
        do throws(CurlRefusal) {
            return try CurlHandle(url: base + request.path, trust: trustFile)
        } catch {
            throw RESTError(operation: request.operation, cause: .transport(error.reason))
        }
    }

    /// Sends a request and waits for the answer.
    public func send(_ request: RESTRequest) throws(RESTError) -> RESTReply {
        let transfer = Transfer(bodySizeMax: Self.bodySizeMax)
        var curl = try handle(for: request)
        curl.set(connectSeconds: 10, totalSeconds: answerSeconds)
        curl.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        curl.addHeader("X-IG-API-KEY: \(apiKey.reveal())")
        curl.addHeader("Accept: application/json; charset=UTF-8")
        curl.addHeader("Version: \(request.version)")
        if let body = request.body {
            curl.addHeader("Content-Type: application/json; charset=UTF-8")
            curl.set(body: body)
        }
        for (name, value) in request.headers { curl.addHeader("\(name): \(value.reveal())") }
        transfer.isCancelled = isCancelled
        if let reason = curl.perform(transfer) {
            throw RESTError(operation: request.operation, cause: .transport(reason))
        }
        let status = curl.status
        guard (200..<300).contains(status) else {
            let code = ErrorReply.code(body: transfer.body, status: status)
            throw RESTError(operation: request.operation, cause: .refused(status: status, errorCode: code))
        }
        return RESTReply(status: status, body: transfer.body, headers: transfer.headers)
    }
}

@available(*, unavailable)
extension RESTClient: Sendable {}
