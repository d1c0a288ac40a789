// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds the product pays for it.
let package = Package(
    name: "candlewick-benchmarks",
    dependencies: [.package(name: "candlewick", path: "..")],
    targets: [
        .executableTarget(
            name: "read-latency", dependencies: [.product(name: "CandleReader", package: "candlewick")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ])
