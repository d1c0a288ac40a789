import Glibc
import TestKit

/// The file of an aggregator's checkpoint on a disk that loses, keeps old content or flips bits.
struct CheckpointDisk {
    private let path: String
    /// What the file held, newest last.
    private var contents: [[UInt8]] = []
    private var inode: UInt = 0

    init(path: String) { self.path = path }

    private var draft: String { "\(path).part" }

    /// Looks at the file.
    /// - Returns: whether it was replaced since.
    mutating func isNew() -> Bool {
        var info = stat()
        guard stat(path, &info) == 0, UInt(info.st_ino) != inode || contents.isEmpty else { return false }
        let content = fileBytes(path)
        inode = UInt(info.st_ino)
        guard content != contents.last else { return false }
        contents = contents.suffix(1) + [content]
        return true
    }

    /// The process was killed when the last content was not yet in its place, but whole, or a part of it, beside it.
    mutating func takeBack(_ random: inout SplitMix) {
        guard let last = contents.popLast() else { return }
        TemporaryFolder.overwrite(draft, Array(last.prefix(Int.random(in: 0...last.count, using: &random))))
        putBack()
    }

    private mutating func putBack() {
        if let former = contents.last { put(former) } else { unlink(path) }
    }

    private mutating func put(_ bytes: [UInt8]) {
        unlink(path)
        TemporaryFolder.overwrite(path, bytes)
        var info = stat()
        if stat(path, &info) == 0 { inode = UInt(info.st_ino) }
    }

    /// The power was cut: the file is whole, an older one, gone, or torn.
    mutating func cutPower(_ random: inout SplitMix) {
        guard let last = contents.last else { return }
        switch Int.random(in: 0..<8, using: &random) {
        case ..<4: break
        case ..<6: takeBack(&random)
        case ..<7:
            contents = []
            unlink(path)
        default: put(Array(last.prefix(Int.random(in: 0..<last.count, using: &random))))
        }
    }

    /// A bit of the file flips.
    mutating func flipBit(_ random: inout SplitMix) {
        guard var bytes = contents.last else { return }
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        put(bytes)
    }
}
