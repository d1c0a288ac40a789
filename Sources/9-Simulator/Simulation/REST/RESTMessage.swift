/// A REST request, free of its transport.
struct RESTRequest {
    var method: String
    /// Without query and without `/gateway/deal`.
    var path: String
    var query: [String: String]
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    /// The `Version` header; 1 if it is missing.
    var version: Int { headers["version"].flatMap { Int($0) } ?? 1 }

    static let base = "/gateway/deal"

    /// - Parameter uri: path and query as they stand in the request line.
    init(method: String, uri: String, headers: [String: String], body: [UInt8]) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path = percentDecoded(Array(parts[0].utf8)) ?? String(parts[0])
        if path.hasPrefix(RESTRequest.base) { path.removeFirst(RESTRequest.base.count) }
        var query: [String: String] = [:]
        for part in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? String(pair[1].map { $0 == "+" ? " " : $0 }) : ""
            query[String(pair[0])] = percentDecoded(Array(value.utf8)) ?? value
        }
        // The only way to send a DELETE with a body (ig-api § 1).
        self.method = method == "POST" ? headers["_method"] ?? method : method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }
}

struct RESTReply {
    var status: Int
    var headers: [(name: String, value: String)] = []
    /// `nil`: no body.
    var body: JSON?
    /// The connection closes instead.
    var isLost = false

    static func ok(_ body: JSON) -> RESTReply { RESTReply(status: 200, body: body) }
}

/// A refusal as the broker words it: `{"errorCode": "…"}`. Source: ig-api § 7.
struct RESTError: Error, Equatable {
    let status: Int
    let code: String

    static let unknownEpic = RESTError(status: 404, code: "error.public-api.epic-not-found")
    static let invalidURL = RESTError(status: 404, code: "invalid.url")
    static let dateRange = RESTError(status: 400, code: "error.invalid.daterange")
}
