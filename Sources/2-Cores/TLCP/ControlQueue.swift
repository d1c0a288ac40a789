/// The control requests of a session: those that wait, those that were sent and are not answered, and those of which a
/// cut makes it doubtful whether they arrived. Numbers them. Source: TLCP § Requests.
struct ControlQueue {
    struct Control: Hashable {
        let operation: ControlOperation
        /// The subscription's number for its owner; `nil` if no owner waits for the answer.
        let handle: Int?
        /// Its number for the server.
        let subscription: Int?
    }

    private var pending: [Control] = []
    private var sent: [Int: Control] = [:]
    /// The POST under way: one at a time.
    private var post: (id: TransportID, requests: [Int])?
    /// When a POST that failed may be tried again; until then none is sent.
    var postRetry: Duration?
    private var doubtful: (controls: [Control], resendAt: Duration?)?
    /// The number of the last one that was sent.
    private(set) var lastRequest = 0

    var isEmpty: Bool { pending.isEmpty }

    mutating func add(_ operation: ControlOperation, handle: Int? = nil, subscription: Int? = nil) {
        pending.append(Control(operation: operation, handle: handle, subscription: subscription))
    }

    /// For what is sent again.
    mutating func addFirst(_ control: Control) { pending.insert(control, at: 0) }

    /// Nothing but the session's end is to be sent any more.
    mutating func addOnly(_ operation: ControlOperation) {
        (post, postRetry, pending) = (nil, nil, [])
        add(operation)
    }

    /// The session is lost, and all requests with it. Their numbers are not used again.
    mutating func removeAll() {
        (pending, sent, post, postRetry, doubtful) = ([], [:], nil, nil, nil)
    }

    // MARK: Sending

    /// All that waits, for a WebSocket.
    mutating func takeAll(limit: Int) -> [Request] {
        let lines = pending.map { number($0, session: nil).line }
        pending.removeAll()
        return Request.batches(of: lines, limit: limit)
    }

    /// As much as goes into one POST.
    /// - Returns: `nil` if another is under way.
    mutating func takePost(_ id: TransportID, session: String, limit: Int) -> Request? {
        guard post == nil, postRetry == nil else { return nil }
        let numbered = pending.map { number($0, session: session) }
        guard let first = Request.batches(of: numbered.map(\.line), limit: limit).first else { return nil }
        for late in numbered.dropFirst(first.lines.count) { sent[late.request] = nil }
        pending.removeFirst(first.lines.count)
        post = (id, numbered.prefix(first.lines.count).map(\.request))
        return first
    }

    private mutating func number(_ control: Control, session: String?) -> (request: Int, line: Parameters) {
        lastRequest += 1
        sent[lastRequest] = control
        let line = control.operation.parameters(
            request: lastRequest, subscription: control.subscription, session: session)
        return (lastRequest, line)
    }

    // MARK: Answers

    /// - Returns: what was asked; `nil` for a number that is not open.
    @discardableResult
    mutating func answered(_ request: Int) -> Control? { sent.removeValue(forKey: request) }

    /// A POST is over, with an answer or without.
    /// - Returns: its requests; `nil` if it is not the one under way.
    mutating func postEnded(_ id: TransportID) -> [Int]? {
        guard let post, post.id == id else { return nil }
        self.post = nil
        return post.requests
    }

    // MARK: After a cut

    /// Which requests arrived is not known: those without effect so far are sent again, once what was sent before the
    /// cut had time to come.
    mutating func connectionCut() {
        post = nil
        let controls = sent.keys.sorted().compactMap { sent[$0] }
        sent = [:]
        guard !controls.isEmpty else { return }
        doubtful = ((doubtful?.controls ?? []) + controls, nil)
    }

    /// The recovery is over: what is doubtful waits a little longer for its answer.
    mutating func waitForAnswers(until resendAt: Duration) { doubtful?.resendAt = resendAt }

    var hasDoubtful: Bool { doubtful != nil }

    /// When what is doubtful is sent again; `nil` if nothing is, or before the end of the recovery.
    var resendAt: Duration? { doubtful?.resendAt }

    mutating func takeDoubtful() -> [Control] {
        defer { doubtful = nil }
        return doubtful?.controls ?? []
    }
}
