import Foundation
import TestKit

/// A small disk for part of a pipeline's state: a tmpfs of 8 MiB.
struct SmallDisk {
    /// The folders on it; the rest of the state lies elsewhere.
    enum Content: String, CaseIterable {
        case ticks, candles, database

        /// Its writer.
        var stage: String {
            switch self {
            case .ticks: "ingest-stream"
            case .candles: "aggregator"
            case .database: "store-writer"
            }
        }
    }

    /// Mounting needs root and a kernel that lets it.
    static let isAvailable = (try? run("unshare --mount mount -t tmpfs tmpfs /mnt")) != nil

    private let mountPoint: String

    /// Lets a pipeline whose programs are not started yet have one, for as long as `body` runs; ends its programs.
    static func use(for pipeline: Pipeline, _ content: Content, _ body: (SmallDisk) async throws -> Void) async throws {
        let (state, journal) = (pipeline.state, pipeline.folder.path + "/journal")
        let disk = SmallDisk(mountPoint: content == .database ? state : "\(state)/journal/\(content.rawValue)")
        try run("mkdir -p \(disk.mountPoint) && mount -t tmpfs -o size=8m,mode=700 tmpfs \(disk.mountPoint)")
        defer {
            for program in pipeline.programs.values { program.kill() }
            _ = try? run("umount -R -l \(disk.mountPoint)")
        }
        if content == .database {
            // The journals stay outside.
            try run("mkdir \(journal) \(state)/journal && mount --bind \(journal) \(state)/journal")
        }
        try await body(disk)
    }

    /// Takes all the room that is left.
    func fill() throws { try Self.run("! dd if=/dev/zero of=\(mountPoint)/filler bs=4096") }

    /// Gives the room back.
    func clear() throws { try Self.run("rm \(mountPoint)/filler") }

    /// Makes it read-only, or writable again. No process may have a file of it open for writing.
    func remount(_ option: String) throws { try Self.run("mount -o remount,\(option) \(mountPoint)") }

    private static func run(_ script: String) throws {
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else {
            throw TimeOut(description: "'\(script)' ended with \(shell.terminationStatus)")
        }
    }
}
