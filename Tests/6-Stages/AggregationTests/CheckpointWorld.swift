@testable import Aggregation
import Foundation
import Host
import MarketData
import Settings
import Streams
import TestKit
import Wire

/// Aggregators in a state folder, with journals that tests write and damage.
final class CheckpointWorld {
    private let world: StageWorld
    var paths: Paths { world.paths }
    var configuration: Configuration {
        get { world.configuration }
        set { world.configuration = newValue }
    }

    init() throws {
        world = try StageWorld()
        world.configuration.timeframes = HostileStreams.timeframes
        world.configuration.lateReach = .seconds(3_600)
    }

    func aggregator(every records: Int) throws -> Aggregator {
        try Aggregator(
            paths: world.paths, configuration: world.configuration, bus: world.bus, service: try world.service(),
            clock: world.clock.clock, logger: world.logger, checkpointRecords: records)
    }

    func settle(_ aggregator: Aggregator) throws {
        var quiet = 0
        while quiet < 3 {
            world.clock.advance(by: .milliseconds(300))
            quiet = try aggregator.turn(milliseconds: 0, stop: -1) > 0 ? 0 : quiet + 1
        }
        aggregator.checkpoints.finish()
    }

    /// Writes an input in the place of its stage.
    func append<Record: StreamEnvelope>(_ records: [Record], _ stream: Wire.Stream) throws {
        let writer = try world.writer(stream)
        for record in records { try withUnsafeBytes(of: record) { try writer.append(sealed: $0) } }
        try writer.close()
    }

    /// What was made of both inputs, in its order, without the publish times and positions.
    var content: [[UInt8]] { content(of: nil) }

    /// What was made of one input: how both are mixed is not decided.
    func content(of stream: Wire.Stream?) -> [[UInt8]] {
        world.candles(.candles).filter { stream == nil || $0.inputStream == stream }.map { record in
            var record = record
            record.publishTime = Make.nanos(0)
            record.seal(position: 0)
            return record.bytes
        }
    }

    // MARK: Damage

    /// The segment of a position, and where its record begins.
    private func place(_ stream: Wire.Stream, _ position: UInt64) -> (path: String, offset: Int) {
        let folder = paths.journal(stream)
        let firsts = folderNames(folder).filter { $0.hasSuffix(".journal") }.map { UInt64($0.prefix(20))! }
        let first = firsts.last { $0 <= position } ?? 1
        let digits = String(first)
        let name = String(repeating: "0", count: 20 - digits.count) + digits
        return ("\(folder)/\(name).journal", 64 + Int(position - first) * stream.recordSize)
    }

    /// Another record comes to be at a position, as whole as the former.
    func change(_ stream: Wire.Stream, _ position: UInt64) throws {
        let (path, offset) = place(stream, position)
        var bytes = fileBytes(path)
        bytes[offset + 32] ^= 1
        bytes.withUnsafeMutableBytes {
            RecordBytes.seal(
                UnsafeMutableRawBufferPointer(rebasing: $0[offset..<(offset + stream.recordSize)]), position: position)
        }
        TemporaryFolder.overwrite(path, bytes)
    }

    /// The journal ends with a position, and nothing knows of more.
    func cut(_ stream: Wire.Stream, behind position: UInt64) throws {
        let folder = paths.journal(stream)
        let (path, offset) = place(stream, position)
        TemporaryFolder.overwrite(path, Array(fileBytes(path).prefix(offset + stream.recordSize)))
        for name in folderNames(folder) where name.hasSuffix(".journal") && UInt64(name.prefix(20))! > position {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        try? FileManager.default.removeItem(atPath: "\(folder).highest")
    }
}

extension HostileStreams {
    /// The first ticks of one stream.
    static func some(_ count: Int) -> [TickEnvelope] {
        var streams = HostileStreams(seed: 17)
        return streams.ticks(count)
    }
}
