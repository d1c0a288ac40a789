internal import FoundationEssentials
internal import HTTPService
internal import Host

/// TradingView's Lightweight Charts, if it is installed: `scripts/web-assets` gets it and checks its content.
struct ChartLibrary {
    static let name = "lightweight-charts.js"
    /// Several times what it has.
    private static let bytesMax = 4 << 20

    private let path: String

    /// In the folder `CANDLEWICK_WEB_ASSETS`; without it where `scripts/install` puts it, as seen from
    /// `lib/candlewick`, the folder of the programs.
    init(_ environment: Environment) {
        let folder = environment["CANDLEWICK_WEB_ASSETS"] ?? "\(programFolder)/../../share/candlewick/web"
        path = "\(folder)/\(ChartLibrary.name)"
    }

    private var isInstalled: Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let size = (attributes?[.size] as? Int) ?? 0
        return attributes?[.type] as? FileAttributeType == .typeRegular && (1...ChartLibrary.bytesMax).contains(size)
    }

    /// - Returns: `nil` if it is not installed.
    func file() -> PageFile? {
        guard isInstalled, let data = FileManager.default.contents(atPath: path) else { return nil }
        return PageFile(ChartLibrary.name, Array(data))
    }

    /// What the page asks first: the script's path, or null. A request for a missing script would be an error in the
    /// browser's console.
    func description(for request: HTTPRequest) -> HTTPResponse {
        let script = isInstalled ? "\"/assets/\(ChartLibrary.name)\"" : "null"
        return PageFile("chart-library.json", Array("{\"script\":\(script)}\n".utf8)).response(to: request)
    }
}
