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

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies + [arguments, log], swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestKit"], swiftSettings: settings)
}

let package = Package(
    name: "candlewick",
    products: [
        .library(name: "TLCP", targets: ["TLCP"]),
        .library(name: "TLCPWebSocket", targets: ["TLCPWebSocket"]),
        // With the modules whose types its interface shows.
        .library(name: "CandleReader", targets: ["CandleReader", "MarketData", "Wire", "Host"]),
        // For the package in Benchmarks/ alone: no stable interface.
        .library(
            name: "Stages",
            targets: ["StreamIngest", "Aggregation", "Candles", "Feed", "Journal", "Bus", "Store", "CandleReader"]),
        .executable(name: "ingest-stream", targets: ["ingest-stream"]),
        .executable(name: "ingest-backfill", targets: ["ingest-backfill"]),
        .executable(name: "aggregator", targets: ["aggregator"]),
        .executable(name: "store-writer", targets: ["store-writer"]),
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
        // What Swift cannot call or the system provides.
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CPlatform"),

        // Pure: values in, values out. No socket, no file, no clock.
        library("MarketData"),
        library("Wire", ["MarketData", "CPlatform"]),
        library("TLCP"),
        library("BrokerAPI", ["MarketData"]),
        library("Candles", ["MarketData", "Wire"]),
        library("Planning", ["MarketData", "Wire"]),

        // One resource each.
        library("Host", ["MarketData", "CPlatform", log, yams, arguments]),
        library("Assumptions", ["MarketData", "Host"]),
        library("Charts", ["MarketData", "Host"]),
        library("Journal", ["MarketData", "Wire", "Host", "CPlatform", log]),
        library("Bus", ["Host", "CPlatform", "CZeroMQ", log]),
        library("Feed", ["MarketData", "Wire", "Host", "Journal", "Bus", log]),
        library("CandleReader", ["MarketData", "Wire", "Host", "Bus", grdb]),
        library("Store", ["MarketData", "Wire", "BrokerAPI", "Host", "CandleReader", grdb]),
        library("RESTClient", ["MarketData", "Host", "BrokerAPI", "CCurl"]),
        library(
            "TLCPWebSocket", ["TLCP", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nioSSL]),

        // One process's behaviour each.
        library(
            "StreamIngest",
            [
                "MarketData", "Wire", "TLCP", "TLCPWebSocket", "BrokerAPI", "RESTClient", "Host", "Assumptions",
                "Journal", "Bus", "Feed",
                log, nio("NIOCore"), nio("NIOPosix"), nio("NIOConcurrencyHelpers"),
            ]),
        library("Aggregation", ["MarketData", "Wire", "Candles", "Host", "Journal", "Bus", "Feed", log]),
        library(
            "Backfill",
            [
                "MarketData", "Wire", "Planning", "BrokerAPI", "RESTClient", "Host", "Assumptions", "Journal", "Bus",
                "Feed", "CandleReader", "Store", log,
            ]),
        library("StoreWriting", ["MarketData", "Wire", "Host", "Journal", "Bus", "Feed", "Store", log]),
        library(
            "CandleFiles",
            ["MarketData", "Wire", "Host", "Journal", "Bus", "Feed", "CandleReader", "Store", csv, log]),
        library("Recording", ["MarketData", "Wire", "Host", "Journal", "Bus", "Feed", log]),
        library(
            "Inspection",
            [
                "MarketData", "Wire", "Planning", "Host", "Assumptions", "Journal", "Bus", "CandleReader", "Store",
                "Aggregation", log,
            ]),
        library(
            "Simulation",
            [
                "MarketData", "Host", log, "CZlib", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
                nio("NIOWebSocket"), nioSSL,
            ]),

        // Arguments, configuration, run, exit code.
        program("ingest-stream", ["StreamIngest", "Host"]),
        program("ingest-backfill", ["Backfill", "Host", "MarketData"]),
        program("aggregator", ["Aggregation", "Host"]),
        program("store-writer", ["StoreWriting", "Host"]),
        program(
            "candlewick",
            [
                "Inspection", "Charts", "Recording", "CandleFiles", "CandleReader", "Store", "StoreWriting", "Feed",
                "Host", "MarketData", "Wire",
            ]),
        program("ig-simulator", ["Simulation", "Host"]),

        .target(name: "CThreadHold", path: "Tests/CThreadHold"),
        .target(
            name: "TestKit", dependencies: ["Wire", "MarketData", "CThreadHold"], path: "Tests/TestKit",
            swiftSettings: settings),
        tests("MarketDataTests", ["MarketData"]),
        tests("WireTests", ["Wire", "MarketData", "CPlatform"]),
        tests(
            "TLCPTests",
            ["TLCP", "TLCPWebSocket", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nioSSL]),
        tests("CandlesTests", ["Candles", "Wire", "MarketData"]),
        tests(
            "PlanningTests",
            [
                "Planning", "Backfill", "CandleFiles", "Inspection", "Journal", "Store", "CandleReader", "Wire",
                "MarketData", "Host", "Simulation", log,
            ]),
        tests("BrokerAPITests", ["BrokerAPI", "MarketData"]),
        tests("HostTests", ["Host", "MarketData"]),
        tests("ChartsTests", ["Charts", "MarketData", "Host"]),
        tests("JournalTests", ["Journal", "Wire", "MarketData", "Host", log]),
        tests("FeedTests", ["Feed", "Journal", "Bus", "Wire", "MarketData", "Host", log]),
        tests("AggregationTests", ["Aggregation", "Candles", "Journal", "Wire", "MarketData", "Host", log]),
        tests(
            "CrashTests", ["Aggregation", "Candles", "Feed", "Journal", "Store", "Wire", "MarketData", "Host", log]),
        tests("StoreTests", ["CandleReader", "Store", "StoreWriting", "Wire", "MarketData", "Host", grdb]),
        tests("RecordingTests", ["Recording", "Feed", "Bus", "Journal", "Wire", "MarketData", "Host", log]),
        tests(
            "InspectionTests",
            [
                "Inspection", "Assumptions", "Aggregation", "Journal", "Planning", "CandleReader", "Store", "Wire",
                "MarketData",
                "Host", log,
            ]),
        tests(
            "CandleFilesTests", ["CandleFiles", "CandleReader", "Journal", "Store", "Wire", "MarketData", "Host", log]),
        tests(
            "StreamIngestTests",
            ["StreamIngest", "Assumptions", "BrokerAPI", "RESTClient", "TLCP", "Wire", "MarketData", "Host", log]),
        tests(
            "HostileTests",
            [
                "StreamIngest", "Assumptions", "TLCP", "Candles", "CandleReader", "Inspection", "Store", "Wire",
                "MarketData",
            ]),
        tests("SimulationTests", ["Simulation", "MarketData", log, nio("NIOCore")]),
        tests(
            "EndToEndTests",
            [
                "ingest-stream", "ingest-backfill", "aggregator", "store-writer", "candlewick", "ig-simulator",
                "Wire", "MarketData", "Candles", "Journal", "CandleReader", "Store", "Host", "RESTClient", "Simulation",
                grdb,
            ]),
    ]
)
