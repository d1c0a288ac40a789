internal import Host
internal import MarketData
internal import TLCP

extension StreamIngestor {
    /// Closes what is due by the broker's clock as learned, or sets a timer to the moment when it is.
    func closeOnTime() {
        guard driver.session.isBound, let moment = driver.sink.closingMoment else { return }
        let monotonic = parts.clock.monotonic()
        guard moment > monotonic else {
            return driver.sink.predictClock(now: parts.clock.now(), monotonic: monotonic)
        }
        // A timer that ends too early looks again.
        if let closingTimer, closingTimer.end <= moment { return }
        closingTimer?.cancel()
        let cancel = driver.loop.after(.nanoseconds(moment - monotonic)) { [self] in
            closingTimer = nil
            if !isFinished { settle() }
        }
        closingTimer = (moment, cancel)
    }
}
