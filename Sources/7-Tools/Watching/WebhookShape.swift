internal import FoundationEssentials
internal import Reports
package import Settings

/// What a webhook takes: body and headers of a POST.
package struct WebhookRequest: Hashable, Sendable {
    package let body: [UInt8]
    /// Lines.
    package let headers: [String]
}

extension Notice {
    /// - Parameter chat: of Telegram.
    package func request(_ shape: Configuration.Watch.Shape, chat: String?) -> WebhookRequest {
        let json = ["Content-Type: application/json; charset=utf-8"]
        switch shape {
        case .json:
            return WebhookRequest(body: Array(encodedJSON(NoticeObject(self)).utf8), headers: json)
        case .slack:
            // Source: api.slack.com/reference/surfaces/formatting § Escaping text.
            return WebhookRequest(body: Array(encodedJSON(["text": Notice.escaped(text)]).utf8), headers: json)
        case .telegram:
            // Source: core.telegram.org/bots/api#sendmessage.
            let body = ["chat_id": chat ?? "", "text": text]
            return WebhookRequest(body: Array(encodedJSON(body).utf8), headers: json)
        case .ntfy:
            // Source: docs.ntfy.sh/publish. The body repeats no title: the receiver shows it above.
            let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let rest = lines.count > 1 ? String(lines[1]) : text
            return WebhookRequest(body: Array(rest.utf8), headers: ntfyHeaders)
        }
    }

    private var ntfyHeaders: [String] {
        let (priority, tag) =
            switch state {
            case .failed: ("high", "rotating_light")
            case .warning: ("default", "warning")
            case .ok: ("default", "white_check_mark")
            }
        return [
            "Content-Type: text/plain; charset=utf-8", "Title: \(encodedHeader(title))", "Priority: \(priority)",
            "Tags: \(tag)",
        ]
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
    }

    /// The message as mail, for `sendmail -t`. Source: RFC 5322, RFC 2045, RFC 3834.
    package func mail(to address: String) -> String {
        let head = [
            "To: \(address)", "Subject: \(encodedHeader(title, foldedBy: "\n "))", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
        ]
        let body = Data("\(text)\n".utf8).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
        return head.joined(separator: "\n") + "\n\n\(body)\n"
    }
}

/// A header's text: as it is if it is printable ASCII, else as encoded words. Source: RFC 2047 § 2.
/// - Parameter foldedBy: what stands between two words.
func encodedHeader(_ text: String, foldedBy separator: String = " ") -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.contains("=?") && text.utf8.count < 900
    if isPlain { return text }
    // A word has at most 75 characters: 12 around 60 of base64, which are 45 bytes.
    var words: [[UInt8]] = [[]]
    for character in text.unicodeScalars {
        let bytes = Array(String(character).utf8)
        if words[words.count - 1].count + bytes.count > 45 { words.append([]) }
        words[words.count - 1] += bytes
    }
    return words.map { "=?UTF-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: separator)
}
