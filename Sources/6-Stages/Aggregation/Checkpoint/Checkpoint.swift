internal import Candles
internal import Host
internal import MarketData
internal import Settings
internal import Wire

/// The aggregator's state after a record of each input, and what shows that the journals are still those that it was made
/// of. Source: docs/formats.md § 7.1, docs/decisions/0040.
///
/// | offset  | size | field         | meaning                                                                      |
/// |--------:|-----:|---------------|------------------------------------------------------------------------------|
/// |       0 |    8 | magic         | ASCII `CWCHECKP`                                                             |
/// |       8 |    4 | version       | u32, `FoldState.version`                                                     |
/// |      12 |    4 | f             | u32, bytes of the settings                                                   |
/// |      16 |   64 | ticks         | the last record of the ticks stream that was folded; all 0: none             |
/// |      80 |  192 | history       | the last one of the history stream; all 0: none                              |
/// |     272 |  192 | candles       | a record of the candles stream: it and those before it are all that was made |
/// |         |      |               | of the inputs up to the former two, or more; all 0: read the stream whole    |
/// |     464 |    f | settings      | UTF-8: what else the state depends on                                        |
/// | 464 + f |    … | state         | `FoldState`                                                                  |
/// |         |    4 | crc32c        | of all before it                                                             |
struct Checkpoint {
    let ticks: TickEnvelope?
    let history: CandleEnvelope?
    let candles: CandleEnvelope?
    let settings: String
    private let bytes: [UInt8]

    private static let magic = Array("CWCHECKP".utf8)
    private static let candlesOffset = 272
    private static let headSize = 464
    private static let settingsSizeMax = 1 << 20

    // MARK: Writing

    /// What comes before the state. The candles record is not yet known.
    static func head(ticks: TickEnvelope?, history: CandleEnvelope?, settings: String) -> [UInt8] {
        var bytes = magic
        for word in [FoldState.version, UInt32(settings.utf8.count)] {
            withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
        }
        bytes += ticks?.bytes ?? [UInt8](repeating: 0, count: TickEnvelope.byteCount)
        bytes += history?.bytes ?? [UInt8](repeating: 0, count: CandleEnvelope.byteCount)
        bytes += [UInt8](repeating: 0, count: CandleEnvelope.byteCount)
        return bytes + settings.utf8
    }

    /// Puts in what was not yet known, and the checksum.
    static func seal(_ bytes: inout [UInt8], candles: CandleEnvelope?) {
        if let candles {
            bytes.replaceSubrange(candlesOffset..<(candlesOffset + CandleEnvelope.byteCount), with: candles.bytes)
        }
        let sum = bytes.withUnsafeBytes { checksum(of: $0) }
        withUnsafeBytes(of: sum.littleEndian) { bytes += $0 }
    }

    // MARK: Reading

    /// - Throws: `CheckpointRefusal` if they are not one of this version.
    init(_ bytes: [UInt8]) throws(CheckpointRefusal) {
        let end = bytes.count - 4
        guard end >= Checkpoint.headSize, bytes.starts(with: Checkpoint.magic) else { throw .damaged }
        let (sum, stored, version, length) = bytes.withUnsafeBytes {
            (
                checksum(of: UnsafeRawBufferPointer(rebasing: $0[..<end])),
                $0.loadUnaligned(fromByteOffset: end, as: UInt32.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
                Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            )
        }
        guard sum == stored, length <= min(Checkpoint.settingsSizeMax, end - Checkpoint.headSize) else {
            throw .damaged
        }
        guard version == FoldState.version else { throw .otherVersion }
        func record<Record: StreamEnvelope>(_ offset: Int) throws(CheckpointRefusal) -> Record? {
            let bytes = bytes[offset..<(offset + Record.byteCount)]
            if bytes.allSatisfy({ $0 == 0 }) { return nil }
            guard let record = bytes.withUnsafeBytes({ Record(bytes: $0) }) else { throw .damaged }
            return record
        }
        ticks = try record(16)
        history = try record(16 + TickEnvelope.byteCount)
        candles = try record(Checkpoint.candlesOffset)
        settings = String(decoding: bytes[Checkpoint.headSize..<(Checkpoint.headSize + length)], as: UTF8.self)
        self.bytes = bytes
    }

    /// - Throws: `CheckpointRefusal` if the bytes hold no state.
    func state(_ configuration: Configuration) throws(CheckpointRefusal) -> FoldState {
        let state = bytes.withUnsafeBytes { bytes in
            FoldState(
                UnsafeRawBufferPointer(
                    rebasing: bytes[(Checkpoint.headSize + settings.utf8.count)..<(bytes.count - 4)]),
                options: CandleBuilder.Options(configuration), calendar: configuration.calendar)
        }
        guard let state, state.ticksPosition == ticks?.position ?? 0 else { throw .damaged }
        return state
    }
}

/// Why a checkpoint is not used: all is then as without one.
enum CheckpointRefusal: String, Error {
    case unreadable = "it cannot be read"
    case damaged = "it is damaged"
    case otherVersion = "it has another version of its format"
    case otherSettings = "it was made by another version of the program, or with another configuration"
    case otherTicks = "the ticks journal does not hold the record at which it was made"
    case otherHistory = "the history journal does not hold the record at which it was made"
    case otherCandles = "the candles journal does not hold the record at which it was made"
}

extension Configuration {
    /// What the aggregator's state depends on besides its input.
    var checkpointSettings: String {
        let hours = instruments.filter { $0.hours != .fx }.map { "hours \($0.pair) \($0.hours.text)" }
        let lines = [
            "program \(Program.version)", "timeframes \(timeframes.map(\.description).joined(separator: " "))",
            "closing \(closing.rawValue)", "grace \(grace.nanoseconds)", "late reach \(lateReach.nanoseconds)",
        ]
        return (lines + hours.sorted()).joined(separator: "\n")
    }
}
