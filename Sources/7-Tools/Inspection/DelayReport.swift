internal import Reports
internal import Streams

/// How long after their intervals' ends candles became readable, and how many were revised afterwards, over the last hour:
/// as store-writer measures it.
struct DelayReport: Report, Encodable {
    /// Of busy or of quiet pairs.
    struct Figures: Encodable {
        let candles: Int
        let p50Seconds: Double
        let p90Seconds: Double
        let p99Seconds: Double
        let worstSeconds: Double

        /// - Returns: `nil` if no candle was measured.
        fileprivate init?(_ metrics: MetricValues, _ metric: Metric, _ group: String) {
            let values = ["50", "90", "99", "100"].compactMap { metrics.nanos(metric, $0) }.map { Double($0) / 1e9 }
            guard values.count == 4 else { return nil }
            candles = metrics.recentCandles(group)
            (p50Seconds, p90Seconds, p99Seconds, worstSeconds) = (values[0], values[1], values[2], values[3])
        }

        fileprivate var seconds: [Double] { [p50Seconds, p90Seconds, p99Seconds, worstSeconds] }

        /// Such as `8/20/35/60 ms`, at most 22 columns.
        fileprivate var short: String {
            let isLong = worstSeconds >= 10
            return seconds.map { String(Int(($0 * (isLong ? 1 : 1_000)).rounded())) }.joined(separator: "/")
                + (isLong ? " s" : " ms")
        }
    }

    let busy: Figures?
    let quiet: Figures?
    let revised: Int

    /// - Parameter store: what store-writer says; `nil` if it says nothing.
    init(_ store: StageStatus?) {
        let metrics = store?.metrics ?? MetricValues()
        busy = Figures(metrics, .busyDelay, "busy")
        quiet = Figures(metrics, .quietDelay, "quiet")
        revised = metrics.recentCandles("revised")
    }

    func text(_ style: TextStyle) -> String {
        let head = ["delay, last hour", "candles", "p50", "p90", "p99", "worst"]
        let rows = [("busy pairs", busy), ("quiet pairs", quiet)].map { name, figures in
            [name, "\(figures?.candles ?? 0)"]
                + (figures?.seconds.map { Duration.seconds($0).brief } ?? ["-", "-", "-", "-"])
        }
        return TextTable(
            head: head, rows: rows + [["revised", "\(revised)", "", "", "", ""]], leftAligned: [head[0]]
        ).text(style)
    }

    /// In one line of at most 80 columns.
    var line: String {
        "delay p50/90/99/max  busy \(busy?.short ?? "-")  quiet \(quiet?.short ?? "-")"
    }
}

extension MetricValues {
    fileprivate func recentCandles(_ group: String) -> Int {
        self[.recentCandles, group].flatMap { Int(exactly: $0) } ?? 0
    }
}
