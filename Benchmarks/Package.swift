// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds the product pays for it.

/// What the machine can do, in C: one program for each limit.
func limit(_ name: String, _ libraries: [String] = []) -> Target {
    .executableTarget(
        name: "limit-\(name)", path: "Limits/\(name)", cSettings: [.headerSearchPath("../include")],
        linkerSettings: libraries.map { .linkedLibrary($0) })
}

let package = Package(
    name: "candlewick-benchmarks",
    dependencies: [
        .package(name: "candlewick", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [
                .product(name: "Stages", package: "candlewick"),
                .product(name: "TLCP", package: "candlewick"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        limit("parse"), limit("fold"), limit("journal"), limit("replay"),
        limit("bus", ["zmq"]), limit("store", ["sqlite3"]), limit("query", ["sqlite3"]),
        limit("postgres-store", ["pq"]), limit("postgres-query", ["pq"]), limit("feed"), limit("chain", ["zmq"]),
        limit("http"),
    ])
