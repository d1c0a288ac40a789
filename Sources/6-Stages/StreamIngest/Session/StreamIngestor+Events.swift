internal import Host
internal import Logging
internal import MarketData
internal import Streams
internal import TLCP
internal import Wire

/// How the stream is, for status, supervisor and people.
enum IngestState: String, CaseIterable {
    case connecting, streaming, silent, recovering, blind
    case loggingIn = "logging in"

    /// What an event makes of it; `nil`: it stays.
    init?(after event: SessionEvent) {
        switch event {
        case .recovered, .flowing: self = .streaming
        case .stalled: self = .silent
        case .cut: self = .recovering
        case .lost, .waiting: self = .blind
        case .credentialsRefused: self = .loggingIn
        default: return nil
        }
    }

    /// 1 for this state, 0 for the others.
    var gauges: [String: Double] {
        Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.rawValue, $0 == self ? 1 : 0) })
    }
}

/// What the stage says of itself: log lines and status.
extension StreamIngestor {
    func report(_ event: SessionEvent) {
        if let state = IngestState(after: event) { self.state = state }
        if case .cut = event { reconnects += 1 }
        reportSession(event)
        reportSubscription(event)
    }

    private func reportSession(_ event: SessionEvent) {
        switch event {
        case .connecting(let isWebSocket):
            parts.logger.debug("Connecting", metadata: ["transport": isWebSocket ? "websocket" : "http"])
        case .fellBackToHTTP(let reason):
            warn("WebSocket cannot be opened, trying HTTP streaming", ["error": "\(reason)"])
        case .began(let replacing): say(.notice, "Session began", ["replacing": "\(replacing)"])
        case .preserved: say(.info, "Session rebound, nothing missed")
        case .recovered(let resent): say(.notice, "Session recovered, nothing missed", ["resent": "\(resent)"])
        case .stalled: warn("Feed is silent", [:])
        case .flowing: say(.info, "Feed flows again")
        case .cut(let reason): warn("Connection lost, recovering the session", ["error": "\(reason)"])
        case .lost(let reason): warn("Session lost", ["error": "\(reason)"])
        case .waiting(let pause, let failures, let reason):
            warn(
                "Next attempt after a pause",
                ["milliseconds": "\(pause.nanoseconds / 1_000_000)", "count": "\(failures)", "error": "\(reason)"])
        case .credentialsRefused(let code, _):
            warn("Broker refused the session tokens, logging in again", ["code": "\(code)"])
        case .oddLine(let what): warn("Odd line from the broker", ["error": "\(what)"])
        default: break
        }
    }

    private func reportSubscription(_ event: SessionEvent) {
        switch event {
        case .subscribed(let subscription):
            parts.logger.debug("Subscribed", metadata: ["epic": "\(epic(subscription))"])
        case .renewed(let subscription):
            parts.logger.debug("Silent subscription renewed", metadata: ["epic": "\(epic(subscription))"])
        case .refused(let subscription, let code, let text):
            warn(
                "Broker refused a subscription, trying again later",
                ["epic": "\(epic(subscription))", "code": "\(code)", "error": "\(text)"])
        case .itemLost(let subscription, let reason):
            warn("Unreadable update, subscribing again", ["epic": "\(epic(subscription))", "error": "\(reason)"])
        case .updatesLost(let subscription, _, let count):
            warn("Broker declared updates lost", ["epic": "\(epic(subscription))", "count": "\(count)"])
        case .configured(let subscription, let frequency, _):
            // Updates above a limit are dropped by the broker without a word (`tlcp` § Modes).
            if frequency != "unlimited" {
                warn("Broker limits the updates", ["epic": "\(epic(subscription))", "frequency": "\(frequency)"])
            }
        case .unsubscribed(let subscription):
            warn("Broker ended a subscription, subscribing again", ["epic": "\(epic(subscription))"])
        default: break
        }
    }

    private func epic(_ subscription: Int) -> String { driver.sink.epic(subscription) }

    func say(_ level: Logger.Level, _ sentence: String, _ metadata: Logger.Metadata = [:]) {
        throttle.say(level, sentence, metadata, now: parts.clock.monotonic(), parts.logger)
    }

    func warn(_ sentence: String, _ metadata: Logger.Metadata) {
        throttle.warn(sentence, metadata, now: parts.clock.monotonic(), parts.logger)
    }

    // MARK: Status

    func publishStatus() {
        let now = parts.clock.monotonic()
        let ticks = driver.sink.output.counters.ticks
        let seconds = Double(now - statusMark.monotonic) / 1e9
        let rate = seconds > 0 && statusMark.monotonic > 0 ? Double(ticks - statusMark.ticks) / seconds : 0
        statusMark = (now, ticks)
        let subscribed = driver.sink.subscribedPairs
        var metrics = MetricValues()
        driver.sink.report(into: &metrics, at: parts.clock.now(), since: began)
        metrics[.ticksPerSecond] = rate
        metrics[.transport, transportName] = 1
        metrics.set(.feedState, byLabel: state.gauges)
        metrics.set(.loginsRefused, parts.mailbox.refusedLogins)
        metrics[.journalSync, Stream.ticks.rawValue] = Double(parts.ticks.syncNanos) / 1e9
        if let nativeOutput { metrics[.journalSync, Stream.native.rawValue] = Double(nativeOutput.syncNanos) / 1e9 }
        metrics.set(.reconnects, reconnects)
        metrics.set(.subscriptions, subscribed)
        metrics.set(.subscriptionsLacking, driver.session.isBound ? parts.instruments.count - subscribed : 0)
        let report = StageStatus(
            .ingestStream, time: parts.clock.now(), state: state.rawValue, outputs: outputs, metrics: metrics)
        do { try parts.status.publish(report) } catch { warn("Status cannot be published", ["error": "\(error)"]) }
    }

    private var outputs: [StageStatus.Output] {
        [.init(.ticks, position: parts.ticks.lastPosition)]
            + (nativeOutput.map { [.init(.native, position: $0.lastPosition)] } ?? [])
    }

    private var transportName: String {
        switch driver.session.isOnWebSocket {
        case true?: "websocket"
        case false?: "http"
        case nil: "none"
        }
    }
}
