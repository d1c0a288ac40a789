/// The last values of one item, to which its updates refer. Source: TLCP § Values of U.
///
/// Values lie in one block, `inlineCapacity` bytes for each field; a longer one gets a block of its own.
/// So an ordinary update allocates nothing. Owned by `RouteTable`, which deallocates it.
struct ItemState: BitwiseCopyable {
    let fieldCount: Int
    /// Whether the next update belongs to the snapshot.
    var isSnapshot: Bool
    /// Whether the snapshot is the first update alone (MERGE), or lasts until `EOS`.
    let snapshotIsOneUpdate: Bool
    private(set) var isFirst = true

    let slots: UnsafeMutablePointer<FieldSlot>
    private let block: UnsafeMutableRawPointer

    /// Bytes that every field has from the start. Prices and times need 13; copies may write in words of 8.
    static let inlineCapacity = 32

    init(fieldCount: Int, hasSnapshot: Bool, snapshotIsOneUpdate: Bool) {
        self.fieldCount = fieldCount
        isSnapshot = hasSnapshot
        self.snapshotIsOneUpdate = snapshotIsOneUpdate
        slots = .allocate(capacity: max(1, fieldCount))
        block = .allocate(byteCount: max(1, fieldCount) * ItemState.inlineCapacity, alignment: 8)
        for field in 0..<fieldCount {
            let slot = FieldSlot(
                bytes: block + field * ItemState.inlineCapacity, count: -1, capacity: Int32(ItemState.inlineCapacity),
                isChanged: false, isPatched: false, ownsBytes: false)
            (slots + field).initialize(to: slot)
        }
    }

    func deallocate() {
        for field in 0..<fieldCount where slots[field].ownsBytes { slots[field].bytes.deallocate() }
        slots.deallocate()
        block.deallocate()
    }

    /// Takes one update's values.
    /// - Parameter values: the third argument of `U`: tokens between `|`.
    /// - Returns: `nil`, or why the update is wrong; the state is then undefined.
    @inline(__always)
    mutating func take(_ values: UnsafeRawBufferPointer) -> UpdateError? {
        var field = 0
        var start = 0
        let count = values.count
        // Bounds are checked here once; every index below lies within them.
        guard let base = values.baseAddress ?? UnsafeRawPointer(bitPattern: 8) else { return .fieldCount }
        while true {
            guard field < fieldCount else { return .fieldCount }
            let (end, isEscaped) = ItemState.tokenEnd(base, start, count)
            let length = end &- start
            if length == 0 {
                if isFirst { return .nothingToCompareWith }
                slots[field].isChanged = false
                field &+= 1
            } else {
                let token = UnsafeRawBufferPointer(start: base + start, count: length)
                let first = base.load(fromByteOffset: start, as: UInt8.self)
                if isEscaped || first < UInt8(ascii: "&") || first == UInt8(ascii: "^") {
                    if let error = takeSpecial(token, first, isEscaped, &field) { return error }
                } else {
                    store(token, field)
                    field &+= 1
                }
            }
            if end == count { break }
            start = end &+ 1
        }
        guard field == fieldCount else { return .fieldCount }
        isFirst = false
        if snapshotIsOneUpdate { isSnapshot = false }
        return nil
    }

    /// The end of the token that begins at `start`, and whether it holds a `%`. Reads eight bytes at a time.
    @inline(__always)
    private static func tokenEnd(_ base: UnsafeRawPointer, _ start: Int, _ count: Int) -> (end: Int, isEscaped: Bool) {
        var end = start
        var escapes: UInt64 = 0
        while end < count {
            let word: UInt64
            if end &+ 8 <= count {
                word = base.loadUnaligned(fromByteOffset: end, as: UInt64.self).littleEndian
            } else if count >= 8 {
                // The last eight bytes, without those before `end`.
                let last = base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                word = last.littleEndian &>> UInt64(8 &* (end &+ 8 &- count))
            } else {
                word = shortWord(base, end, count)
            }
            let bars = bytes(equalTo: UInt8(ascii: "|"), in: word)
            let percents = bytes(equalTo: UInt8(ascii: "%"), in: word)
            if bars != 0 {
                escapes |= percents & (bars ^ (bars &- 1))
                return (end &+ bars.trailingZeroBitCount / 8, escapes != 0)
            }
            escapes |= percents
            end &+= 8
        }
        return (count, escapes != 0)
    }

    /// The bytes from `end` on, if there are fewer than eight in all.
    private static func shortWord(_ base: UnsafeRawPointer, _ end: Int, _ count: Int) -> UInt64 {
        (end..<count).reversed().reduce(0) { $0 << 8 | UInt64(base.load(fromByteOffset: $1, as: UInt8.self)) }
    }

    /// The highest bit of each byte that equals `byte`; the lowest of these bits is sure, those above it are not.
    @inline(__always)
    private static func bytes(equalTo byte: UInt8, in word: UInt64) -> UInt64 {
        let difference = word ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
    }

    /// Tokens that are not simply a value: `#`, `$`, `^…`, and values with `%`.
    @inline(never)
    private func takeSpecial(
        _ token: UnsafeRawBufferPointer, _ first: UInt8, _ isEscaped: Bool, _ field: inout Int
    ) -> UpdateError? {
        switch first {
        case UInt8(ascii: "#") where token.count == 1: setNull(field)
        case UInt8(ascii: "$") where token.count == 1: store(UnsafeRawBufferPointer(start: nil, count: 0), field)
        case UInt8(ascii: "^"): return takeCaret(token, &field)
        default:
            if isEscaped {
                PercentCoding.decode(token).withUnsafeBytes { store($0, field) }
            } else {
                store(token, field)
            }
        }
        field += 1
        return nil
    }

    private func takeCaret(_ token: UnsafeRawBufferPointer, _ field: inout Int) -> UpdateError? {
        guard token.count > 1 else { return .unknownToken }
        if isFirst { return .nothingToCompareWith }
        let argument = UnsafeRawBufferPointer(rebasing: token.dropFirst(2))
        switch token[1] {
        case UInt8(ascii: "P"), UInt8(ascii: "T"):
            let isPatch = token[1] == UInt8(ascii: "P")
            let slot = slots[field]
            guard slot.count >= 0, isPatch || !slot.isPatched else { return .differenceFails }
            let old = UnsafeRawBufferPointer(start: slot.bytes, count: Int(slot.count))
            let difference = PercentCoding.decode(argument)
            guard let new = isPatch ? JSONPatch.apply(difference, to: old) : ValueDiff.apply(difference, to: old)
            else { return .differenceFails }
            new.withUnsafeBytes { store($0, field) }
            slots[field].isPatched = isPatch
            field += 1
        default:
            guard let run = Decimal.whole(UnsafeRawBufferPointer(rebasing: token.dropFirst())) else {
                return .unknownToken
            }
            guard run > 0, run <= fieldCount - field else { return .fieldCount }
            for same in field..<(field + run) { slots[same].isChanged = false }
            field += run
        }
        return nil
    }

    private func setNull(_ field: Int) {
        slots[field].count = -1
        slots[field].isChanged = true
        slots[field].isPatched = false
    }

    @inline(__always)
    private func store(_ value: UnsafeRawBufferPointer, _ field: Int) {
        let slot = slots + field
        if value.count > Int(slot.pointee.capacity) { grow(slot, to: value.count) }
        if let source = value.baseAddress { ItemState.copy(source, to: slot.pointee.bytes, value.count) }
        // No value is longer than a line, and no line than 2 GiB.
        slot.pointee.count = Int32(truncatingIfNeeded: value.count)
        slot.pointee.isChanged = true
        slot.pointee.isPatched = false
    }

    /// Prices and times are 4 to 16 bytes: whole words, without a call. A short value is written at once, and a word's
    /// front last: a reader that soon loads it from the front finds it in one store, and need not wait for two.
    @inline(__always)
    private static func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int) {
        if count >= 8, count <= 16 {
            let tail = source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            target.storeBytes(of: tail, toByteOffset: count &- 8, as: UInt64.self)
            target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
        } else if count >= 4, count < 8 {
            let head = UInt64(source.loadUnaligned(as: UInt32.self).littleEndian)
            let tail = UInt64(source.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self).littleEndian)
            let word = head | (tail &<< UInt64(8 &* (count &- 4)))
            target.storeBytes(of: word.littleEndian, as: UInt64.self)
        } else {
            target.copyMemory(from: source, byteCount: count)
        }
    }

    @inline(never)
    private func grow(_ slot: UnsafeMutablePointer<FieldSlot>, to count: Int) {
        let larger = count + count / 2
        if slot.pointee.ownsBytes { slot.pointee.bytes.deallocate() }
        slot.pointee.bytes = .allocate(byteCount: larger, alignment: 8)
        slot.pointee.capacity = Int32(clamping: larger)
        slot.pointee.ownsBytes = true
    }
}

/// The head of an update line: `U,<subscription>,<item>,<values>`.
struct UpdateLine {
    let subscription: Int
    let item: Int
    let values: UnsafeRawBufferPointer

    /// Whether the line is an update; its arguments are not looked at.
    @inline(__always)
    static func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let base = line.baseAddress, line.count >= 2 else { return false }
        return base.loadUnaligned(as: UInt16.self) == 0x2C55
    }

    /// - Returns: `nil` if an argument is missing or a number is wrong.
    @inline(__always)
    init?(_ line: UnsafeRawBufferPointer) {
        guard let base = line.baseAddress else { return nil }
        var position = 2
        guard let subscription = UpdateLine.number(base, line.count, &position),
            let item = UpdateLine.number(base, line.count, &position)
        else { return nil }
        self.subscription = subscription
        self.item = item
        values = UnsafeRawBufferPointer(start: base + position, count: line.count &- position)
    }

    /// 1 to 9 digits and a comma.
    @inline(__always)
    private static func number(_ base: UnsafeRawPointer, _ count: Int, _ position: inout Int) -> Int? {
        var value = 0
        let start = position
        while position < count {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            position &+= 1
            let digit = byte &- UInt8(ascii: "0")
            if digit <= 9 {
                value = value &* 10 &+ Int(digit)
            } else {
                let digits = position &- 1 &- start
                return byte == UInt8(ascii: ",") && digits > 0 && digits < 10 ? value : nil
            }
        }
        return nil
    }
}
