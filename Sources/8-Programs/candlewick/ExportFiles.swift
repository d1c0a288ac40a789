public import ArgumentParser
public import CandleFiles
internal import Host
internal import MarketData
internal import Store

/// What `export` writes: rows of a view, or the files of another program.
enum ExportFormat: Hashable, ExpressibleByArgument {
    case rows(CandleExport.Format)
    case files(ForeignFormat)

    init?(argument: String) {
        if let rows = CandleExport.Format(rawValue: argument) {
            self = .rows(rows)
        } else if let files = ForeignFormat(rawValue: argument) {
            self = .files(files)
        } else {
            return nil
        }
    }

    static var allValueStrings: [String] {
        CandleExport.Format.allCases.map(\.rawValue) + ForeignFormat.allCases.map(\.rawValue)
    }

    var defaultValueDescription: String {
        switch self {
        case .rows(let rows): rows.rawValue
        case .files(let files): files.rawValue
        }
    }
}

extension CandlePrice: ExpressibleByArgument {}

/// Options of the formats of other programs.
struct FilesOptions: ParsableArguments {
    @Option(
        help: "For another program's format: bid, ask or mid; default: bid for mt5, bid and ask for lean, else mid.")
    var price: CandlePrice?

    @Flag(help: "Replace files that are there already.")
    var replace = false

    /// - Throws: `ValidationError` if an option has no meaning with this format.
    func check(_ format: ExportFormat, hasView: Bool) throws {
        switch format {
        case .rows where price != nil:
            throw ValidationError("--price is for the formats of other programs: --view says which prices rows have")
        case .files where hasView:
            throw ValidationError("--view is for csv and jsonl: a program's format has its own columns")
        case .files(.lean) where price != nil:
            throw ValidationError("--price is for formats with one price: lean has bid and ask")
        default: break
        }
    }

    /// Writes series for another program: into a folder, or one of them to standard output.
    /// - Parameter range: the starts that are wanted of a series.
    func write(
        _ format: ForeignFormat, _ stored: [SeriesStatistics], from reader: any CandleQueries, to folder: String?,
        range: (SeriesStatistics) -> Range<UTCSeconds>?
    ) throws {
        let wanted = stored.filter { format.timeframes?.contains($0.series.timeframe) ?? true }
        guard !wanted.isEmpty else {
            let names = (format.timeframes ?? []).map(\.description).joined(separator: ", ")
            throw Failure(
                .usage, "\(format.rawValue) reads \(names) alone, and no such candle was chosen: name one by -t")
        }
        guard folder != nil || format.isOneText && wanted.count == 1 else {
            let why = format.isOneText ? "\(wanted.count) series need a file each" : "lean needs several files"
            throw Failure(.usage, "\(why): name a folder by --output\(format.isOneText ? ", or one pair and -t" : "")")
        }
        var export = ForeignExport(reader, format, price: price)
        for line in wanted {
            let range = range(line) ?? line.oldest..<line.oldest
            if let folder {
                try export.write(line.series, in: range, folder: folder, replacing: replace)
            } else {
                try export.write(line.series, in: range) { Program.write(standardOutput: $0) }
            }
        }
        let facts = facts(export, folder, stored.count - wanted.count, format)
        if !facts.isEmpty { Program.write(standardError: facts.joined(separator: "; ") + "\n") }
    }

    /// What was done and what was left out.
    private func facts(
        _ export: ForeignExport, _ folder: String?, _ leftOut: Int, _ format: ForeignFormat
    ) -> [String] {
        var facts: [String] = []
        if let folder {
            let files = "\(export.files) \(export.files == 1 ? "file" : "files")"
            facts.append("\(export.candles) candles written to \(files) in \(folder)")
        }
        if export.partial > 0 { facts.append("\(export.partial) partial candles left out") }
        if leftOut > 0 {
            facts.append("\(leftOut) series left out, since \(format.rawValue) does not read their timeframe")
        }
        return facts
    }
}
