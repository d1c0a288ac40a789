internal import Candles
internal import MarketData
internal import Streams
internal import Wire

/// Publishes the candles of intervals that are not over, and the last tick of each pair, on the stream `forming`: what
/// changed, at most every 250 ms, and a candle once more when it closes. Not journaled. Source: docs/formats.md § 4.
///
/// - Note: Data thread only.
final class FormingPublisher {
    private let live: any LiveSink
    /// By the pair's number: what was published last.
    private var marks: [CandleBuilder.FormingMark?] = []
    /// The candles whose intervals ended, until they are published.
    private var closed: [CandleRecord] = []
    /// Monotonic time of the next look.
    private var nextTime: Int64 = 0

    static let interval = 250 * UTCNanos.perMillisecond

    init(_ live: any LiveSink) { self.live = live }

    /// How long until the next look.
    func milliseconds(at monotonic: Int64) -> Int {
        Int(max(0, nextTime - monotonic) / UTCNanos.perMillisecond) + 1
    }

    /// Publishes the pairs that changed; all of them if a reader is new.
    /// - Parameters:
    ///   - now: by the host's clock.
    ///   - monotonic: the time now, ns.
    func publish(_ builder: CandleBuilder, now: UTCNanos, monotonic: Int64) {
        guard monotonic >= nextTime else { return }
        nextTime = monotonic + FormingPublisher.interval
        if live.hasNewReader() { marks = [] }
        marks += Array(repeating: nil, count: builder.pairCount - marks.count)
        for number in marks.indices {
            let mark = builder.formingMark(ofPair: number)
            guard mark != marks[number] else { continue }
            marks[number] = mark
            publish(builder.forming(pair: number), now)
        }
    }

    /// The tick comes last: after it a reader knows all of the pair's forming candles.
    private func publish(_ forming: CandleBuilder.Forming, _ now: UTCNanos) {
        for candle in forming.candles {
            var candle = candle
            candle.publishTime = now
            send(candle, position: 0)
        }
        if let tick = forming.tick { withUnsafeBytes(of: tick) { live.send($0) } }
    }

    /// A candle's interval is over. Its revisions are no news of a forming candle.
    /// - Parameter position: its position in the `candles` stream.
    func note(closed record: CandleEnvelope, _ position: UInt64) {
        guard var candle = record.candle, record.inputStream == .ticks, candle.revision == 1,
            !candle.flags.contains(.late)
        else { return }
        candle.position = position
        closed.append(candle)
    }

    /// Publishes each candle that closed a last time, as the `candles` stream has it, and with its position there.
    func publishClosed() {
        for candle in closed { send(candle.asForming, position: candle.position) }
        closed.removeAll(keepingCapacity: true)
    }

    private func send(_ candle: CandleRecord, position: UInt64) {
        var candle = candle
        candle.seal(position: position)
        withUnsafeBytes(of: candle) { live.send($0) }
    }
}

@available(*, unavailable)
extension FormingPublisher: Sendable {}
