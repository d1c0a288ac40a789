internal import Foundation
internal import Inspection
internal import Streams

/// Values of metrics, and the text in which Prometheus reads them. Source: Prometheus, exposition formats, text 0.0.4.
struct Exposition {
    /// A label whose value is `nil` is left out.
    typealias Labels = [(name: String, value: String?)]

    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// By the family's name.
    private var lines: [String: [String]] = [:]
    /// Prometheus refuses the whole text if a series comes twice.
    private var series: Set<String> = []

    /// - Parameter value: `nil`: it is missing.
    mutating func add(_ family: some MetricFamily, _ value: Double?, _ labels: Labels = []) {
        guard let value else { return }
        append(value, of: family, "", labels)
    }

    mutating func add(_ family: some MetricFamily, _ histogram: HistogramValue, _ labels: Labels) {
        let buckets = histogram.buckets.sorted { (Double($0.key) ?? 0) < (Double($1.key) ?? 0) }
        for (edge, count) in buckets { append(count, of: family, "_bucket", labels + [("le", edge)]) }
        append(histogram.count, of: family, "_bucket", labels + [("le", "+Inf")])
        append(histogram.sum, of: family, "_sum", labels)
        append(histogram.count, of: family, "_count", labels)
    }

    private mutating func append(
        _ value: Double, of family: some MetricFamily, _ suffix: String, _ labels: Labels
    ) {
        let name = family.name + suffix + Self.text(labels)
        guard series.insert(name).inserted else { return }
        lines[family.name, default: []].append("\(name) \(Self.text(value))\n")
    }

    /// Each family with a value once: what it means, its type, its values.
    var text: String { text(of: Metric.self) + text(of: PipelineMetric.self) }

    private func text<Family: MetricFamily>(of families: Family.Type) -> String {
        families.allCases.reduce(into: "") { text, family in
            guard let lines = lines[family.name] else { return }
            let help = family.help.escaped(quotes: false)
            text += "# HELP \(family.name) \(help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for line in lines { text += line }
        }
    }

    private static func text(_ labels: Labels) -> String {
        let parts = labels.compactMap { label in label.value.map { "\(label.name)=\"\($0.escaped(quotes: true))\"" } }
        return parts.isEmpty ? "" : "{\(parts.joined(separator: ","))}"
    }

    private static func text(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return "\(whole)" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        // 15 digits are those that a double surely has: the ones behind them are noise of its sums.
        return value.isNaN ? "NaN" : String(format: "%.15g", value)
    }
}

extension String {
    fileprivate func escaped(quotes: Bool) -> String {
        guard utf8.contains(where: { [UInt8(ascii: "\\"), UInt8(ascii: "\n"), UInt8(ascii: "\"")].contains($0) }) else {
            return self
        }
        // By scalars: a line's end of two is one character.
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\"" where quotes: text += "\\\""
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
