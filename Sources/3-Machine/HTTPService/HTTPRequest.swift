/// A request as a responder gets it: always GET or HEAD, without a body, within the limits of `HTTPLimits`.
public struct HTTPRequest: Sendable {
    public let isHead: Bool
    /// As sent, without the query.
    public let path: String
    /// The path's parts, decoded; empty for `/`.
    public let segments: [String]
    /// Decoded, in their order.
    public let query: [(name: String, value: String)]
    private let headers: [String: String]

    /// - Parameter headers: names in lower case.
    public init(
        isHead: Bool = false, path: String, segments: [String], query: [(name: String, value: String)] = [],
        headers: [String: String] = [:]
    ) {
        (self.isHead, self.path, self.segments, self.query, self.headers) = (isHead, path, segments, query, headers)
    }

    /// A header's value; `nil` without it.
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers[name] }

    /// The last value of a query parameter; `nil` without it.
    public subscript(name: String) -> String? { query.last { $0.name == name }?.value }
}
