/// JSON Patch (RFC 6902), the `^P` tokens. Source: TLCP § Value diffs.
enum JSONPatch {
    /// Bounds the result of a patch with copies, in bytes; our choice.
    private static let sizeMax = 1 << 20

    /// Applies a patch (already percent-decoded) to a value.
    /// - Returns: the new value's text; `nil` if value or patch is not JSON or an operation fails.
    static func apply(_ patch: [UInt8], to value: UnsafeRawBufferPointer) -> [UInt8]? {
        guard var document = JSONValue(Array(value)), case .array(let operations)? = JSONValue(patch) else {
            return nil
        }
        for operation in operations {
            guard case .object(let members) = operation, apply(members, to: &document) else { return nil }
            // A few copies of the whole into itself would fill any memory.
            if members.contains(where: { $0.value == .string("copy") }), document.bytes.count > sizeMax { return nil }
        }
        return document.bytes
    }

    private static func apply(_ members: [JSONValue.Member], to document: inout JSONValue) -> Bool {
        func text(_ key: String) -> String? {
            guard case .string(let text)? = members.first(where: { $0.key == key })?.value else { return nil }
            return text
        }
        let value = members.first { $0.key == "value" }?.value
        guard let name = text("op"), let path = text("path").flatMap(Pointer.init) else { return false }
        switch name {
        case "add": return value.map { document.add($0, at: path.parts[...]) } ?? false
        case "remove": return document.remove(at: path.parts[...]) != nil
        case "replace":
            guard let value, document.value(at: path.parts[...]) != nil else { return false }
            return document.replace(with: value, at: path.parts[...])
        case "test":
            guard let value, let present = document.value(at: path.parts[...]) else { return false }
            return present.isEqual(to: value)
        case "copy":
            guard let from = text("from").flatMap(Pointer.init), let copy = document.value(at: from.parts[...]) else {
                return false
            }
            return document.add(copy, at: path.parts[...])
        case "move":
            guard let from = text("from").flatMap(Pointer.init) else { return false }
            // A value cannot be moved into itself.
            if path.parts.count > from.parts.count, path.parts.starts(with: from.parts) { return false }
            guard let moved = document.remove(at: from.parts[...]) else { return false }
            return document.add(moved, at: path.parts[...])
        default: return false
        }
    }
}

/// A JSON Pointer (RFC 6901).
private struct Pointer {
    let parts: [String]

    init?(_ text: String) {
        if text.isEmpty {
            parts = []
            return
        }
        guard text.hasPrefix("/") else { return nil }
        parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(Pointer.unescape)
        guard parts.count <= JSONValue.depthMax else { return nil }
    }

    private static func unescape(_ part: Substring) -> String {
        var result = ""
        var rest = part
        while let character = rest.popFirst() {
            if character == "~", let code = rest.first, code == "0" || code == "1" {
                rest.removeFirst()
                result.append(code == "0" ? "~" : "/")
            } else {
                result.append(character)
            }
        }
        return result
    }
}

extension JSONValue {
    fileprivate func value(at path: ArraySlice<String>) -> JSONValue? {
        guard let key = path.first else { return self }
        switch self {
        case .object(let members): return members.first { $0.key == key }?.value.value(at: path.dropFirst())
        case .array(let items):
            guard let index = JSONValue.index(key), index < items.count else { return nil }
            return items[index].value(at: path.dropFirst())
        default: return nil
        }
    }

    fileprivate mutating func add(_ value: JSONValue, at path: ArraySlice<String>) -> Bool {
        guard let key = path.first else {
            self = value
            return true
        }
        guard path.count == 1 else { return descend(key) { $0.add(value, at: path.dropFirst()) } ?? false }
        switch self {
        case .object(var members):
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].value = value
            } else {
                members.append(Member(key: key, value: value))
            }
            self = .object(members)
        case .array(var items):
            guard let index = key == "-" ? items.count : JSONValue.index(key), index <= items.count else {
                return false
            }
            items.insert(value, at: index)
            self = .array(items)
        default: return false
        }
        return true
    }

    fileprivate mutating func replace(with value: JSONValue, at path: ArraySlice<String>) -> Bool {
        guard let key = path.first else {
            self = value
            return true
        }
        return descend(key) { $0.replace(with: value, at: path.dropFirst()) } ?? false
    }

    fileprivate mutating func remove(at path: ArraySlice<String>) -> JSONValue? {
        guard let key = path.first else {
            let all = self
            self = .null
            return all
        }
        guard path.count == 1 else { return descend(key) { $0.remove(at: path.dropFirst()) } ?? nil }
        switch self {
        case .object(var members):
            guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
            let removed = members.remove(at: index)
            self = .object(members)
            return removed.value
        case .array(var items):
            guard let index = JSONValue.index(key), index < items.count else { return nil }
            let removed = items.remove(at: index)
            self = .array(items)
            return removed
        default: return nil
        }
    }

    /// Changes one member or item in place; `nil` if it is missing.
    private mutating func descend<Result>(_ key: String, _ body: (inout JSONValue) -> Result) -> Result? {
        switch self {
        case .object(var members):
            guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
            let result = body(&members[index].value)
            self = .object(members)
            return result
        case .array(var items):
            guard let index = JSONValue.index(key), index < items.count else { return nil }
            let result = body(&items[index])
            self = .array(items)
            return result
        default: return nil
        }
    }

    /// An array index: digits without a leading zero.
    private static func index(_ text: String) -> Int? {
        guard text == "0" || text.first != "0", (1...9).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }
}
