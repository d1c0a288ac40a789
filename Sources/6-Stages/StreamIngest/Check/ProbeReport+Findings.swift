internal import MarketData
internal import Reports
internal import TLCP

/// What the look at the stream means for the operator.
extension ProbeReport {
    func connection(to endpoint: Endpoint) -> Finding {
        let address = endpoint.description
        if let failure {
            return Finding(
                "stream", address, .failed, "no session: \(failure)",
                "check the network, and proxies and firewalls between this machine and the broker")
        }
        if !isOnWebSocket {
            return Finding(
                "stream", address, .warning, "streams over HTTP: \(fallBack ?? "no WebSocket")",
                "allow WebSockets in the proxy or firewall")
        }
        return Finding("stream", address, .ok, "streams over WebSocket\(endpoint.isSecure ? " and TLS" : "")")
    }

    /// - Parameters:
    ///   - index: of the item: 0 is the heartbeat.
    ///   - isQuietFine: no update need come, since the market is shut.
    func finding(_ index: Int, _ subject: String, isQuietFine: Bool) -> Finding {
        let item = items[index]
        switch item.answer {
        case .none:
            return Finding("stream", subject, .failed, "the broker did not answer the subscription", "try again later")
        case .refused(let code, let text):
            let all = items.allSatisfy(\.answer.isRefusal)
            return Finding(
                "stream", subject, .failed, "subscription refused: \(code) \(text)",
                all
                    ? "try again in some minutes: if all are refused, the login's tokens are dead"
                    : "correct the epic, or IG_ACC_NUMBER: the account may not stream it")
        case .accepted(let limit):
            guard let first = item.first else { return quiet(subject, isFine: isQuietFine) }
            let what = "subscribed, first update after \(first.nanoseconds / UTCNanos.perMillisecond) ms"
            guard let limit else { return Finding("stream", subject, .ok, what) }
            return Finding(
                "stream", subject, .warning, "\(what), at most \(limit) a second",
                "the broker silently drops updates above this rate")
        }
    }

    private func quiet(_ subject: String, isFine: Bool) -> Finding {
        let what = "subscribed, no update within \(StreamProbe.updateSeconds) s"
        return Finding(
            "stream", subject, isFine ? .ok : .warning, what + (isFine ? " while the market is closed" : ""),
            isFine ? "" : "check again: a quiet market sends none for a while")
    }
}
