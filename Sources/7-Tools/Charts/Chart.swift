internal import FoundationEssentials
internal import Glibc
internal import Host

public enum PictureFormat: String, CaseIterable, Sendable { case png, svg, html }

/// A chart that gnuplot can draw and a page can show.
public protocol Chart {
    /// The title, without the range.
    var title: String { get }
    /// The numbers beneath the picture of a page: first the names of the columns.
    var table: [[String]] { get }
    /// The gnuplot script, without its terminal.
    /// - Parameters:
    ///   - width: pixels, as `height`.
    ///   - hasTitle: whether the title stands in the picture too.
    func gnuplotScript(width: Int, height: Int, hasTitle: Bool) -> String
}

extension Chart {
    /// Draws the chart into a file, which is there as a whole or stays as it was.
    /// - Parameters:
    ///   - width: pixels, as `height`; of the picture in the page for HTML. Below 800 by 500 texts run into each other.
    /// - Throws: `Failure`: 69 if gnuplot is not installed or does not draw, 74 if the file cannot be written.
    public func write(to path: String, format: PictureFormat, width: Int, height: Int) throws {
        let bytes = try picture(format, width: width, height: height)
        do {
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw Failure(.io, "\(path) cannot be written: \(Self.reason(error))")
        }
    }

    func picture(_ format: PictureFormat, width: Int, height: Int) throws -> [UInt8] {
        let script = gnuplotScript(width: width, height: height, hasTitle: format != .html)
        switch format {
        case .png: return try Gnuplot.draw(script, "pngcairo", width: width, height: height)
        case .svg: return try Gnuplot.draw(script, "svg background rgb 'white'", width: width, height: height)
        case .html:
            // Without a background: the page has one for light and one for dark.
            let svg = try Gnuplot.draw(script, "svg", width: width, height: height)
            return Array(Page(title: title, svg: String(decoding: svg, as: UTF8.self), table: table).text.utf8)
        }
    }

    private static func reason(_ error: any Error) -> String {
        let cause = (error as? CocoaError)?.underlying as? POSIXError
        return cause.map { systemMessage($0.code.rawValue) } ?? "\(error)"
    }
}
