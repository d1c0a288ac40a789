import Glibc
import Host
import Logging
import MarketData
import Streams
import Wire

/// libFuzzer's entry: the input is a list of damages to the folder of a small journal. It is read and checked as it
/// is, repaired, and written on. What was whole before is whole afterwards, no position is given twice, and only what a
/// later version wrote is refused. Built by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let world = FuzzWorld.shared
    world.restore()
    var input = FuzzInput(bytes: UnsafeBufferPointer(start: data, count: count))
    for _ in 0..<8 where !input.isEmpty { world.damage(&input) }
    do {
        try world.examine()
    } catch let error as JournalError {
        expect(error.isDamage && world.hasLaterVersion, "refused: \(error)")
    } catch {
        fatalError("an error of another kind: \(error)")
    }
    return 0
}

struct FuzzInput {
    private var rest: UnsafeBufferPointer<UInt8>.SubSequence

    init(bytes: UnsafeBufferPointer<UInt8>) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }
    mutating func word() -> Int { byte() << 8 | byte() }

    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}

/// A folder in memory with a journal of four segments.
final class FuzzWorld {
    nonisolated(unsafe) static let shared = FuzzWorld()

    private let root: String
    private let folder: String
    private let past: [String: [UInt8]]
    private(set) var hasLaterVersion = false
    private var settings = JournalSettings()

    private static let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
    /// Positions at the ends of what is there, of what fits, and of what can be told.
    private static let positions: [UInt64] = [
        0, 1, 2, 5, 9, 13, 14, 15, 1_000, 1 << 32, 1 << 61, 1 << 62, 1 << 63, .max,
    ]

    private init() {
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/cw-fuzz-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil)
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        folder = "\(root)/ticks"
        (settings.segmentRecords, settings.retentionDays) = (4, 0)
        guard let writer = try? FuzzWorld.openWriter(folder, settings) else { preconditionFailure("no journal") }
        for _ in 0..<14 { FuzzWorld.append(writer) }
        guard (try? writer.close()) != nil else { preconditionFailure("the journal cannot be closed") }
        var past: [String: [UInt8]] = [:]
        for name in FuzzWorld.names(folder) { past["ticks/\(name)"] = FuzzWorld.content("\(folder)/\(name)") }
        past["ticks.highest"] = FuzzWorld.content("\(folder).highest")
        past["ticks/aggregator.taken"] = Array("00000000000000000009\n".utf8)
        self.past = past
        atexit { FuzzWorld.shared.remove() }
    }

    private static func openWriter(_ folder: String, _ settings: JournalSettings) throws -> JournalWriter {
        try JournalWriter(folder: folder, recordSize: 64, settings: settings, logger: logger)
    }

    private static func append(_ writer: JournalWriter) {
        let time = UTCNanos(seconds: UTCSeconds(rawValue: 1_778_572_800))
        if writer.needsFlush, (try? writer.flush()) == nil { preconditionFailure("nothing can be written") }
        writer.append(FeedRecord(.sessionNew, brokerTime: time, receiveTime: time))
    }

    // MARK: Files

    private static func names(_ folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func content(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        // More than all damages together can make of a file.
        return [UInt8](unsafeUninitializedCapacity: 1 << 14) { bytes, count in
            count = max(0, read(file, bytes.baseAddress, bytes.count))
        }
    }

    private static func write(_ bytes: [UInt8], to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    private func remove() {
        for name in FuzzWorld.names(folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
        for name in FuzzWorld.names(root) { unlink("\(root)/\(name)") }
        rmdir(root)
    }

    func restore() {
        hasLaterVersion = false
        for name in FuzzWorld.names(folder) { unlink("\(folder)/\(name)") }
        for name in FuzzWorld.names(root) { unlink("\(root)/\(name)") }
        for (name, bytes) in past { FuzzWorld.write(bytes, to: "\(root)/\(name)") }
    }

    // MARK: Damage

    private func segment(_ input: inout FuzzInput) -> String {
        let choice = input.byte()
        let position =
            choice < 128 ? FuzzWorld.positions[choice % FuzzWorld.positions.count] : UInt64(input.word())
        let digits = String(position)
        return "\(folder)/\(String(repeating: "0", count: 20 - digits.count))\(digits).journal"
    }

    private func anyFile(_ input: inout FuzzInput) -> String {
        let present = FuzzWorld.names(folder).map { "\(folder)/\($0)" } + ["\(folder).highest"]
        return present[input.byte() % present.count]
    }

    func damage(_ input: inout FuzzInput) {
        let operation = input.byte() % 8
        let path = anyFile(&input)
        var bytes = FuzzWorld.content(path)
        switch operation {
        case 0: rename(path, segment(&input))
        case 1: FuzzWorld.write(bytes, to: segment(&input))
        case 2: unlink(path)
        case 3: FuzzWorld.write(Array(bytes.prefix(input.word())), to: path)
        case 4: FuzzWorld.write(bytes + input.bytes(input.byte()), to: path)
        case 5:
            let place = input.word()
            if place < bytes.count { bytes[place] ^= UInt8(input.byte()) }
            FuzzWorld.write(bytes, to: path)
        case 6:
            // A header with a right checksum that says something else.
            guard bytes.count >= 64 else { return }
            bytes[8 + input.byte() % 16] = UInt8(input.byte())
            let sum = bytes[..<60].withUnsafeBytes { checksum(of: $0) }
            withUnsafeBytes(of: sum) { bytes.replaceSubrange(60..<64, with: $0) }
            FuzzWorld.write(bytes, to: path)
        default: FuzzWorld.write(input.bytes(input.byte()), to: segment(&input))
        }
    }

    // MARK: The referee

    private func positions(_ folder: String, from position: UInt64?) throws -> [UInt64] {
        let reader = try JournalReader(folder: folder, recordSize: 64, from: position)
        var positions: [UInt64] = []
        while try reader.read(TickEnvelope.self, { positions.append($0.position) }) > 0 {}
        expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }, "positions out of order")
        return positions
    }

    func examine() throws {
        hasLaterVersion = FuzzWorld.names(folder).contains { name in
            let header = FuzzWorld.content("\(folder)/\(name)").prefix(12)
            return name.hasSuffix(".journal") && header.count == 12 && header.dropFirst(8) != [1, 0, 0, 0]
        }
        let before = try positions(folder, from: nil)
        expect(try positions(folder, from: 1) == before, "another beginning, other records")
        for start: UInt64 in [2, 7, 1 << 32, 1 << 62, .max] {
            expect(try positions(folder, from: start) == before.filter { $0 >= start }, "records from \(start)")
        }
        let last = try JournalTail.lastPosition(TickEnvelope.self, folder: folder)
        expect(last >= before.last ?? 0, "the end is said to be \(last), \(before), \(FuzzWorld.names(folder))")
        _ = try JournalCheck(folder: folder, recordSize: 64)
        let isMarked = FuzzWorld.content("\(folder).highest") == past["ticks.highest"]

        _ = try JournalCheck.repair(folder: folder, recordSize: 64, settings: settings, logger: FuzzWorld.logger)
        expect(try positions(folder, from: nil) == before, "records lost or won by a repair")
        let check = try JournalCheck(folder: folder, recordSize: 64)
        expect(check.segments.allSatisfy { !$0.isHeaderDamaged || $0.records == 0 }, "a header is not mended")
        expect(check.segments.allSatisfy { $0.misplacement == nil }, "a misplaced segment is left")
        expect(check.segments.last.map { $0.tailBytes == 0 } ?? true, "a tail is not cut")

        let writer = try FuzzWorld.openWriter(folder, settings)
        let first = writer.lastPosition + 1
        expect(
            first > before.last ?? 0 && (!isMarked || first > 14),
            "a position is given twice: \(first), \(before), \(FuzzWorld.names(folder))")
        for _ in 0..<6 { FuzzWorld.append(writer) }
        try writer.close()
        expect(try positions(folder, from: nil) == before + Array(first..<(first + 6)), "not read as written")
    }
}

private func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
    guard !holds else { return }
    // An optimised build leaves the sentence of `fatalError` out.
    let sentence = Array("\(what())\n".utf8)
    _ = Glibc.write(STDERR_FILENO, sentence, sentence.count)
    fatalError("the journal's rules are broken")
}
