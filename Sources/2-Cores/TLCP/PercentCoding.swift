/// Percent-coding of parameter values and of server arguments. Source: TLCP § Request encoding.
enum PercentCoding {
    /// Appends `text` as a parameter value: everything but unreserved characters is encoded, as UTF-8.
    ///
    /// More than the protocol demands (CR, LF, `&`, `=`, `%`, `+`), as the official clients do.
    static func append(_ text: String, to message: inout [UInt8]) {
        for byte in text.utf8 {
            if isUnreserved(byte) {
                message.append(byte)
            } else {
                message.append(UInt8(ascii: "%"))
                message.append(hexDigits[Int(byte >> 4)])
                message.append(hexDigits[Int(byte & 15)])
            }
        }
    }

    /// Decodes `%XX`; anything that is not a whole escape stays as it is (our choice; the protocol gives none).
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }

    /// Decodes to text; invalid UTF-8 becomes replacement characters.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.contains(UInt8(ascii: "%")) else { return String(decoding: bytes, as: UTF8.self) }
        return String(decoding: decode(bytes), as: UTF8.self)
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
