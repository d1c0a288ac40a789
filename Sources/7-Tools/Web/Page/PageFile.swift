internal import HTTPService
internal import Wire

/// A file of the page.
struct PageFile: Sendable {
    let contentType: String
    let bytes: [UInt8]
    /// Changes with the content.
    private let tag: String

    /// - Parameter name: its end gives the type.
    init(_ name: String, _ bytes: [UInt8]) {
        let type =
            switch name.split(separator: ".").last {
            case "html": "text/html"
            case "css": "text/css"
            case "js": "text/javascript"
            case "json": "application/json"
            case "svg": "image/svg+xml"
            default: "application/octet-stream"
            }
        contentType = type == "application/json" ? type : "\(type); charset=utf-8"
        self.bytes = bytes
        tag = "\"\(String(bytes.withUnsafeBytes(checksum), radix: 16))-\(bytes.count)\""
    }

    /// The file, or 304 if the browser has it. It asks each time: after an update no old part of the page remains.
    func response(to request: HTTPRequest) -> HTTPResponse {
        let headers = [(name: "ETag", value: tag), (name: "Cache-Control", value: "no-cache")]
        if request.header("if-none-match")?.contains(tag) == true {
            return HTTPResponse(304, contentType: contentType, headers: headers, body: [])
        }
        return HTTPResponse(contentType: contentType, headers: headers, body: bytes)
    }

    /// Those in the program, by name.
    static let embedded: [String: PageFile] = {
        let files: [(String, [UInt8])] = [
            ("api.js", PackageResources.api_js), ("canvas-chart.js", PackageResources.canvas_chart_js),
            ("chart.js", PackageResources.chart_js), ("coverage.js", PackageResources.coverage_js),
            ("dom.js", PackageResources.dom_js), ("explanation.js", PackageResources.explanation_js),
            ("format.js", PackageResources.format_js), ("health.js", PackageResources.health_js),
            ("icon.svg", PackageResources.icon_svg), ("index.html", PackageResources.index_html),
            ("library-chart.js", PackageResources.library_chart_js), ("main.js", PackageResources.main_js),
            ("pairs.js", PackageResources.pairs_js), ("quota.js", PackageResources.quota_js),
            ("series.js", PackageResources.series_js), ("style.css", PackageResources.style_css),
            ("theme.js", PackageResources.theme_js), ("tiles.js", PackageResources.tiles_js),
            ("timeline.js", PackageResources.timeline_js), ("tools.js", PackageResources.tools_js),
        ]
        return Dictionary(uniqueKeysWithValues: files.map { ($0, PageFile($0, $1)) })
    }()
}
