/// PLAIN texts: of each its number of UTF-8 bytes (u32), then these.
enum Texts {
    /// The page's content, and the least and the greatest text as their bytes.
    static func encode(_ texts: [String]) -> (content: [UInt8], least: ArraySlice<UInt8>, greatest: ArraySlice<UInt8>) {
        var content: [UInt8] = []
        var (least, greatest) = (0..<0, 0..<0)
        for (index, var text) in texts.enumerated() {
            let range = text.withUTF8 { utf8 in
                withUnsafeBytes(of: UInt32(utf8.count).littleEndian) { content += $0 }
                content += utf8
                return (content.count - utf8.count)..<content.count
            }
            if index == 0 {
                (least, greatest) = (range, range)
            } else {
                if content[range].lexicographicallyPrecedes(content[least]) { least = range }
                if content[greatest].lexicographicallyPrecedes(content[range]) { greatest = range }
            }
        }
        return (content, content[least], content[greatest])
    }

    static func decode(_ page: UnsafeRawBufferPointer, count: Int) throws(ParquetError) -> [String] {
        guard page.count / 4 >= count else { throw ParquetError("a page has another number of values") }
        var texts: [String] = []
        texts.reserveCapacity(count)
        var offset = 0
        for _ in 0..<count {
            guard page.count - offset >= 4 else { throw ParquetError("a page ends inside a text") }
            let size = Int(UInt32(littleEndian: page.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            offset += 4
            guard page.count - offset >= size else { throw ParquetError("a page ends inside a text") }
            guard let text = String(utf8: UnsafeRawBufferPointer(rebasing: page[offset..<(offset + size)])) else {
                throw ParquetError("a text is no UTF-8")
            }
            texts.append(text)
            offset += size
        }
        guard offset == page.count else { throw ParquetError("a page goes on behind its values") }
        return texts
    }
}
