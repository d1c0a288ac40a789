/// The parameters of one request, in order, as one line: `a=1&b=2`. Source: TLCP § Requests.
public struct Parameters: Hashable, Sendable {
    /// The encoded line.
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func add(_ name: String, _ value: String) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
        bytes += name.utf8
        bytes.append(UInt8(ascii: "="))
        PercentCoding.append(value, to: &bytes)
    }

    public mutating func add(_ name: String, _ value: some BinaryInteger) { add(name, String(value)) }

    /// Adds the parameter only if there is a value.
    public mutating func add(_ name: String, optional value: String?) {
        if let value { add(name, value) }
    }

    /// The server's name for a client of another maker. Source: TLCP § create_session.
    static let clientKind = "mgQkwtwdysogQz2BJ4Ji kOj2Bg"
}

/// A request to the server, ready to be sent by either transport. Source: TLCP § Transport and framing.
public struct Request: Hashable, Sendable {
    /// `create_session`, `bind_session`, `control` or `heartbeat`.
    public let name: String
    /// One parameter line for each request of the batch.
    public var lines: [Parameters]

    public init(_ name: String, _ lines: [Parameters]) {
        self.name = name
        self.lines = lines
    }

    /// The first message on a WebSocket; it alone has no parameter line.
    public static let webSocketProof = Array("wsok".utf8)

    /// The WebSocket message: the name, then the lines, each after CR-LF; `heartbeat` without parameters
    /// ends with an empty line.
    public var message: [UInt8] {
        if lines.allSatisfy(\.bytes.isEmpty) { return Array("\(name)\r\n\r\n".utf8) }
        return lines.reduce(into: Array(name.utf8)) { $0 += [0x0D, 0x0A] + $1.bytes }
    }

    /// The body of the HTTP POST.
    public var body: [UInt8] {
        let joined = Array(lines.map(\.bytes).joined(separator: [0x0D, 0x0A]))
        return joined.isEmpty ? [0x0D, 0x0A] : joined
    }

    /// The path and query of the HTTP POST.
    public func path(protocolVersion: String, session: String? = nil) -> String {
        var query = Parameters()
        query.add("LS_protocol", "TLCP-\(protocolVersion)")
        query.add("LS_session", optional: session)
        return "/\(name).txt?" + String(decoding: query.bytes, as: UTF8.self)
    }

    /// Cuts a batch of control requests into requests below the server's limit.
    ///
    /// A line that alone is above it goes by itself: the server's refusal names it.
    static func batches(of lines: [Parameters], limit: Int) -> [Request] {
        var all: [Request] = []
        var size = 0
        for line in lines {
            let added = line.bytes.count + 2
            if all.isEmpty || size + added > limit {
                all.append(Request("control", [line]))
                size = "control".utf8.count + added
            } else {
                all[all.count - 1].lines.append(line)
                size += added
            }
        }
        return all
    }
}

/// The control operations. Source: TLCP § control.
public enum ControlOperation: Hashable, Sendable {
    case add(SubscriptionRequest)
    case delete(cause: String?)
    case reconfigure(frequency: String)
    case constrain(bandwidth: String)
    case forceRebind
    case destroy

    /// - Parameters:
    ///   - request: unique in the session.
    ///   - subscription: the session's own number, for the operations on one.
    ///   - session: `nil` if the connection implies it.
    public func parameters(request: Int, subscription: Int? = nil, session: String? = nil) -> Parameters {
        var line = Parameters()
        line.add("LS_reqId", request)
        line.add("LS_session", optional: session)
        line.add("LS_op", name)
        if let subscription { line.add("LS_subId", subscription) }
        switch self {
        case .add(let wanted): wanted.append(to: &line)
        case .delete(let cause): line.add("LS_cause", optional: cause)
        case .reconfigure(let frequency): line.add("LS_requested_max_frequency", frequency)
        case .constrain(let bandwidth): line.add("LS_requested_max_bandwidth", bandwidth)
        case .forceRebind: break
        case .destroy:
            line.add("LS_close_socket", "true")
            line.add("LS_cause", "api")
        }
        return line
    }

    private var name: String {
        switch self {
        case .add: "add"
        case .delete: "delete"
        case .reconfigure: "reconf"
        case .constrain: "constrain"
        case .forceRebind: "force_rebind"
        case .destroy: "destroy"
        }
    }
}

/// The items and fields of a subscription. Source: TLCP § control, `LS_op=add`.
public struct SubscriptionRequest: Hashable, Sendable {
    public enum Mode: String, Sendable {
        case merge = "MERGE"
        case distinct = "DISTINCT"
        case raw = "RAW"
        case command = "COMMAND"
    }

    public var mode: Mode
    /// At most 999, which is more than one subscription of any feed holds.
    public var items: [String]
    public var fields: [String]
    public var dataAdapter: String?
    public var wantsSnapshot = true
    /// Updates a second, `unlimited` or `unfiltered`.
    public var frequencyMax: String?
    /// Events, or `unlimited`.
    public var bufferSize: String?

    public init(mode: Mode, items: [String], fields: [String]) {
        self.mode = mode
        self.items = items
        self.fields = fields
    }

    func append(to line: inout Parameters) {
        line.add("LS_mode", mode.rawValue)
        line.add("LS_group", items.joined(separator: " "))
        line.add("LS_schema", fields.joined(separator: " "))
        line.add("LS_data_adapter", optional: dataAdapter)
        if mode != .raw { line.add("LS_snapshot", wantsSnapshot ? "true" : "false") }
        line.add("LS_requested_max_frequency", optional: frequencyMax)
        line.add("LS_requested_buffer_size", optional: bufferSize)
    }
}
