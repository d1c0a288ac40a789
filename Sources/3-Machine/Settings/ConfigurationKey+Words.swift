internal import Yams

extension ConfigurationKey {
    /// `off`, or a word that `isValid` takes.
    static func word(
        _ path: String, _ field: any WritableKeyPath<Configuration, String?> & Sendable, _ range: String,
        _ help: String,
        _ isValid: @escaping @Sendable (String) -> Bool
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, range: "off, or \(range)", help: help, value: { $0[keyPath: field].map { "'\($0)'" } ?? "off" },
            read: { configuration, node, reader in
                let word = reader.text(node)
                guard word == "off" || isValid(word) else {
                    throw reader.refuse(node, "\(path) '\(word)' is neither off nor \(range)")
                }
                configuration[keyPath: field] = word == "off" ? nil : word
            })
    }

    static func isChat(_ word: String) -> Bool {
        let name = word.hasPrefix("@") || word.hasPrefix("-") ? word.dropFirst() : word[...]
        return (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: "_") }
    }

    static func isProgram(_ word: String) -> Bool {
        word.hasPrefix("/") && word.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "'") }
    }

    /// Only what needs no quotes in a header.
    static func isAddress(_ word: String) -> Bool {
        let parts = word.split(separator: "@", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count) && !word.hasPrefix("-")
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { isWordByte($0) || "._+-".utf8.contains($0) }
            }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
