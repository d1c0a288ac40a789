// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let csv = Target.Dependency.product(name: "SwiftCSV", package: "SwiftCSV")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }

/// The floors of `Sources/` and `Tests/`, lowest first: a target imports none of a floor above its own.
/// `scripts/check-imports` reads this from the targets' paths.
enum Floor: String {
    /// What Swift cannot call or the system provides.
    case system = "0-System"
    /// Values and their bytes.
    case values = "1-Values"
    /// Pure: values in, values out. No socket, no file, no clock.
    case cores = "2-Cores"
    /// What the machine and the bus give, and the settings.
    case machine = "3-Machine"
    /// Candles at rest.
    case stores = "4-Stores"
    /// The ways to the broker, and what is believed of it.
    case broker = "5-Broker"
    /// One process's behaviour each.
    case stages = "6-Stages"
    /// What operators use.
    case tools = "7-Tools"
    /// Arguments, configuration, run, exit code.
    case programs = "8-Programs"
    /// A stand-in for the broker. Shares nothing with the client but values.
    case simulator = "9-Simulator"
}

func library(
    _ floor: Floor, _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(floor.rawValue)/\(name)", resources: resources,
        swiftSettings: settings)
}

func system(_ name: String, _ package: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(Floor.system.rawValue)/\(name)", providers: [.apt([package])])
}

func program(_ floor: Floor, _ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [arguments, log], path: "Sources/\(floor.rawValue)/\(name)",
        swiftSettings: settings)
}

func tests(_ floor: Floor, _ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestKit"], path: "Tests/\(floor.rawValue)/\(name)",
        swiftSettings: settings)
}

let package = Package(
    name: "candlewick",
    products: [
        .library(name: "TLCP", targets: ["TLCP"]),
        .library(name: "TLCPWebSocket", targets: ["TLCPWebSocket"]),
        // With the modules whose types its interface shows.
        .library(name: "CandleReader", targets: ["CandleReader", "Store", "MarketData", "Wire", "Host"]),
        // For the package in Benchmarks/ alone: no stable interface.
        .library(
            name: "Stages",
            targets: [
                "IG", "StreamIngest", "Aggregation", "Candles", "Streams", "Store", "SQLiteStore", "Engines",
                "CandleReader",
            ]),
        .executable(name: "ingest-stream", targets: ["ingest-stream"]),
        .executable(name: "ingest-backfill", targets: ["ingest-backfill"]),
        .executable(name: "aggregator", targets: ["aggregator"]),
        .executable(name: "store-writer", targets: ["store-writer"]),
        .executable(name: "candlewick-relay", targets: ["candlewick-relay"]),
        .executable(name: "candlewick-web", targets: ["candlewick-web"]),
        .executable(name: "candlewick-watch", targets: ["candlewick-watch"]),
        .executable(name: "candlewick", targets: ["candlewick"]),
        .executable(name: "ig-simulator", targets: ["ig-simulator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
    ],
    targets: [
        system("CZeroMQ", "libzmq3-dev"),
        system("CCurl", "libcurl4-openssl-dev"),
        system("CZlib", "zlib1g-dev"),
        system("CZstd", "libzstd-dev"),
        system("CLibpq", "libpq-dev"),
        .target(name: "CPlatform", path: "Sources/\(Floor.system.rawValue)/CPlatform"),

        library(.values, "MarketData"),
        library(.values, "Wire", ["CPlatform", "MarketData"]),

        library(.cores, "TLCP"),
        library(.cores, "Candles", ["MarketData", "Wire"]),
        library(.cores, "Planning", ["MarketData"]),
        library(.cores, "IG", ["MarketData", "Wire"]),
        library(.cores, "Reports", ["MarketData"]),
        library(.cores, "Parquet", ["CZstd"]),

        library(.machine, "Host", ["CPlatform", "MarketData", "Wire", log]),
        library(.machine, "Streams", ["CPlatform", "MarketData", "Wire", "Host", "CZeroMQ", log]),
        library(.machine, "Archive", ["MarketData", "Wire", "Parquet", "Host", "Streams", log]),
        library(.machine, "Curl", ["Host", "CCurl"]),
        library(
            .machine, "HTTPService",
            ["MarketData", "Host", log, nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")]),
        library(
            .machine, "Settings", ["MarketData", "Wire", "IG", "Reports", "Host", "Streams", arguments, log, yams]),

        library(.stores, "Store", ["MarketData", "Wire", "Host"]),
        library(.stores, "SQLiteStore", ["MarketData", "Wire", "Candles", "Host", "Store", grdb]),
        library(.stores, "PostgresStore", ["MarketData", "Wire", "Candles", "Host", "Store", "CLibpq"]),
        library(.stores, "Engines", ["Host", "Store", "SQLiteStore", "PostgresStore"]),
        library(.stores, "CandleReader", ["MarketData", "Wire", "Host", "Streams", "Store", "SQLiteStore", "Engines"]),

        library(.broker, "Assumptions", ["Reports", "MarketData", "Host"]),
        library(.broker, "IGClient", ["MarketData", "IG", "Host", "Curl", "CCurl"]),
        library(
            .broker, "TLCPWebSocket",
            ["TLCP", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nioSSL]),

        library(
            .stages, "StreamIngest",
            [
                "Reports",
                "MarketData", "Wire", "TLCP", "IG", "Host", "Streams", "Settings", "Assumptions", "IGClient",
                "TLCPWebSocket", log, nio("NIOCore"), nio("NIOPosix"), nio("NIOConcurrencyHelpers"),
            ]),
        library(.stages, "Aggregation", ["MarketData", "Wire", "Candles", "Host", "Streams", "Settings", log]),
        library(
            .stages, "Backfill",
            [
                "Engines",
                "Reports",
                "MarketData", "Wire", "Planning", "IG", "Host", "Streams", "Settings", "Store",
                "Assumptions", "IGClient", "Refolding", log,
            ]),
        library(
            .stages, "StoreWriting", ["Engines", "MarketData", "Wire", "Host", "Streams", "Settings", "Store", log]),
        library(
            .stages, "Refolding",
            [
                "Engines", "Reports", "MarketData", "Wire", "Candles", "Host", "Streams", "Archive", "Settings",
                "Store",
                "Aggregation", log,
            ]),
        library(.stages, "Relaying", ["MarketData", "Wire", "Host", "Streams", "Settings", log]),

        library(.tools, "Charts", ["MarketData", "Host"]),
        library(
            .tools, "Inspection",
            [
                "SQLiteStore", "Engines",
                "Reports",
                "MarketData", "Wire", "Candles", "Planning", "IG", "Host", "Streams", "Settings", "Store",
                "CandleReader", "Assumptions", "Aggregation", "Archive", "CandleFiles", log,
            ]),
        library(.tools, "Recording", ["Reports", "MarketData", "Wire", "Host", "Streams", "Archive", log]),
        library(
            .tools, "CandleFiles",
            [
                "CZlib", "IG", "Engines", "MarketData", "Wire", "Host", "Streams", "Store", "Archive", "Parquet", csv,
                log,
            ]),

        library(
            .tools, "Web",
            [
                "Engines", "Reports", "MarketData", "Wire", "IG", "Planning", "Host", "Streams", "Archive",
                "HTTPService",
                "Settings", "Store", "CandleReader", "Inspection", log,
            ],
            resources: [.embedInCode("API/openapi.json"), .embedInCode("Page/files")]),
        library(
            .tools, "Watching",
            ["CPlatform", "Reports", "MarketData", "Host", "Curl", "CCurl", "Settings", "Inspection", log]),

        library(.tools, "Running", ["Wire", "Host", "Inspection"]),

        program(.programs, "ingest-stream", ["Host", "Settings", "StreamIngest"]),
        program(.programs, "ingest-backfill", ["MarketData", "Host", "Settings", "Backfill"]),
        program(.programs, "aggregator", ["Streams", "Host", "Settings", "Aggregation"]),
        program(.programs, "store-writer", ["Store", "Streams", "Engines", "Host", "Settings", "StoreWriting"]),
        program(.programs, "candlewick-relay", ["Host", "Streams", "Settings", "Relaying"]),
        program(.programs, "candlewick-web", ["Host", "Settings", "Web"]),
        program(.programs, "candlewick-watch", ["Reports", "Host", "Settings", "Watching"]),
        program(
            .programs, "candlewick",
            [
                "SQLiteStore", "Engines",
                "Reports",
                "MarketData", "Wire", "Host", "Streams", "Settings", "Store", "CandleReader", "StoreWriting",
                "Refolding",
                "Charts", "Inspection", "Recording", "CandleFiles", "Archive", "Running",
            ]),

        library(
            .simulator, "Simulation",
            [
                "MarketData", "Host", "CZlib", log, nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
                nio("NIOWebSocket"), nioSSL,
            ]),
        program(.simulator, "ig-simulator", ["Host", "Simulation"]),

        .target(name: "CThreadHold", path: "Tests/CThreadHold"),
        .target(
            name: "TestKit", dependencies: ["Wire", "MarketData", "Host", "Streams", "Settings", "CThreadHold", log],
            path: "Tests/TestKit",
            swiftSettings: settings),
        tests(.values, "MarketDataTests", ["MarketData"]),
        tests(.values, "WireTests", ["CPlatform", "MarketData", "Wire"]),
        tests(
            .cores, "TLCPTests",
            ["TLCP", "TLCPWebSocket", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nioSSL]),
        tests(.cores, "CandlesTests", ["MarketData", "Wire", "Candles"]),
        tests(.cores, "PlanningTests", ["MarketData", "Planning"]),
        tests(.cores, "IGTests", ["MarketData", "Wire", "Planning", "IG"]),
        tests(.cores, "ParquetTests", ["CZstd", "Parquet"]),
        tests(.machine, "HostTests", ["MarketData", "Wire", "Host", "Streams", "Settings", "IGClient", log]),
        tests(.machine, "StreamsTests", ["MarketData", "Wire", "Host", "Streams", log]),
        tests(
            .machine, "HTTPServiceTests",
            ["Host", "HTTPService", log, nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")]),
        tests(.machine, "ArchiveTests", ["MarketData", "Wire", "Host", "Streams", "Archive", log]),
        tests(
            .stores, "StoreTests",
            [
                "SQLiteStore", "PostgresStore", "CLibpq", "MarketData", "Wire", "Host", "Streams", "Store",
                "CandleReader",
                grdb,
            ]),
        tests(
            .stages, "StoreWritingTests",
            ["MarketData", "Wire", "Host", "Streams", "Settings", "Store", "StoreWriting"]),
        tests(
            .stages, "StreamIngestTests",
            [
                "Streams",
                "MarketData", "Wire", "TLCP", "IG", "Host", "Assumptions", "IGClient", "StreamIngest", log,
            ]),
        tests(
            .stages, "AggregationTests",
            ["Settings", "MarketData", "Wire", "Candles", "Host", "Streams", "Aggregation", log]),
        tests(
            .stages, "BackfillTests",
            [
                "IGClient", "IG",
                "SQLiteStore",
                "Reports",
                "MarketData", "Wire", "Planning", "Host", "Streams", "Settings", "Store",
                "Backfill", "Inspection", "CandleFiles", "Simulation", log,
            ]),
        tests(
            .stages, "HostileTests",
            [
                "SQLiteStore",
                "MarketData", "Wire", "TLCP", "Candles", "Store", "Assumptions", "StreamIngest",
                "Inspection",
            ]),
        tests(
            .stages, "CrashTests",
            [
                "MarketData", "Wire", "TLCP", "Candles", "Host", "Streams", "Settings", "Store", "SQLiteStore",
                "Assumptions", "StreamIngest", "Aggregation", "StoreWriting", log,
            ]),
        tests(
            .stages, "RefoldingTests",
            [
                "MarketData", "Wire", "Candles", "Host", "Streams", "Settings", "Store", "SQLiteStore", "Aggregation",
                "Refolding", log,
            ]),
        tests(
            .stages, "RelayingTests",
            ["candlewick-relay", "MarketData", "Wire", "Host", "Streams", "Recording", "Relaying", log]),
        tests(.tools, "ChartsTests", ["MarketData", "Host", "Charts"]),
        tests(
            .tools, "InspectionTests",
            [
                "SQLiteStore",
                "Reports",
                "MarketData", "Wire", "Candles", "Planning", "IG", "Host", "Streams", "Settings", "Store",
                "CandleReader", "Assumptions", "Aggregation", "Archive", "Inspection", log,
            ]),
        tests(
            .tools, "WebTests",
            [
                "SQLiteStore", "Reports", "MarketData", "Wire", "IG", "Planning", "Host", "Streams", "Archive",
                "HTTPService", "Settings", "Store", "CandleReader", "Inspection", "Web", log,
            ]),
        tests(
            .tools, "WatchingTests",
            ["Reports", "MarketData", "Wire", "Host", "Streams", "Settings", "Store", "Inspection", "Watching", log]),
        tests(.tools, "RunningTests", ["Host", "Running"]),
        tests(.tools, "RecordingTests", ["MarketData", "Wire", "Host", "Streams", "Archive", "Recording", log]),
        tests(
            .tools, "CandleFilesTests",
            [
                "CZlib", "SQLiteStore", "Parquet", "MarketData", "Wire", "Host", "Streams", "Archive", "Store",
                "CandleFiles", log,
            ]),
        tests(
            .programs, "EndToEndTests",
            [
                "SQLiteStore",
                "ingest-stream", "ingest-backfill", "aggregator", "store-writer", "candlewick-relay", "candlewick-web",
                "candlewick-watch",
                "candlewick", "ig-simulator",
                "MarketData", "Wire", "Candles", "Host", "Streams", "Settings", "CandleReader", "Store", "IGClient",
                "Simulation", grdb,
            ]),
        tests(.simulator, "SimulationTests", ["MarketData", "Simulation", log, nio("NIOCore")]),
    ]
)
