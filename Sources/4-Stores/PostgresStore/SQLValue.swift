/// A parameter of a statement, sent as text.
enum SQLValue {
    case int(Int64)
    case text(String)
    case ints([Int64])
    case null

    /// `nil`: NULL.
    var text: String? {
        switch self {
        case .int(let value): String(value)
        case .text(let value): value
        case .ints(let values): "{\(values.map(String.init).joined(separator: ","))}"
        case .null: nil
        }
    }

    static func int(_ value: Int64?) -> SQLValue { value.map { .int($0) } ?? .null }
}

/// Lends texts as C has them: each ends with NUL, and `nil` is a null pointer.
func withCTexts<Result>(_ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int?] = []
    for text in texts {
        offsets.append(text == nil ? nil : bytes.count)
        if let text { bytes += text.utf8CString }
    }
    return bytes.withUnsafeBufferPointer { buffer in
        let pointers = offsets.map { offset in offset.flatMap { buffer.baseAddress?.advanced(by: $0) } }
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
