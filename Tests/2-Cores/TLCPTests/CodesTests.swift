import Testing
import TLCP

/// The session's reaction to each code of a refusal or an ending. Source: TLCP § Codes, column "Ours".
@Suite struct CodesTests {
    /// The reaction, shown by the session's actions and their times.
    enum Reaction: Equatable {
        /// A new session within 0.1 s.
        case atOnce
        /// A new session after the usual back-off: half a second to one.
        case backOff
        /// A new session after half a minute to one.
        case longBackOff
        /// Nothing until new credentials come.
        case credentials
        /// Nothing any more.
        case stop
    }

    /// Does the session come back by itself, and after how long?
    private func reaction(_ script: inout Script) -> Reaction? {
        let events = script.trace()
        if events.contains(where: { $0.hasPrefix("credentialsRefused") }) {
            return script.session.nextDeadline == nil ? .credentials : nil
        }
        if events.contains(where: { $0.hasPrefix("stopped") }) {
            return script.session.nextDeadline == nil ? .stop : nil
        }
        let before = script.now
        guard let deadline = script.session.nextDeadline else { return nil }
        script.wait(deadline - before)
        // A session that is gone is never asked for again: the next request creates one.
        guard script.trace().contains(where: { $0.hasPrefix("> open wss://demo-apd.") }) else { return nil }
        script.opened()
        guard script.trace().contains(where: { $0.contains("create_session") }) else { return nil }
        switch script.now - before {
        case .zero ... .milliseconds(100): return .atOnce
        case .milliseconds(500) ... .seconds(1): return .backOff
        case .seconds(30) ... .seconds(60): return .longBackOff
        default: return nil
        }
    }

    /// To a `create_session` a code that speaks of a session to be bound can only be waited out.
    @Test(
        arguments: [
            (.credentials, [-100, -1, 0, 1]), (.longBackOff, [2, 7, 8, 35, 40]),
            (.backOff, [3, 4, 5, 6, 9, 10, 20, 21, 31, 32, 33, 34, 41, 48, 66, 68, 69, 99]),
            (.stop, [11, 60, 64, 65, 67, 70, 71]),
        ] as [(Reaction, [Int])])
    func `each refusal of a new session`(expected: Reaction, codes: [Int]) {
        for code in codes {
            var script = Script()
            script.start()
            _ = script.trace()
            script.opened()
            script.receive("WSOK", "CONERR,\(code),any text")
            #expect(reaction(&script) == expected, "CONERR,\(code)")
        }
    }

    @Test(
        arguments: [
            (.credentials, [-100, -1, 0, 1]), (.atOnce, [3, 4, 20, 21, 41, 48]), (.longBackOff, [2, 7, 8, 35, 40]),
            (.backOff, [5, 6, 9, 10, 31, 32, 33, 34, 66, 68, 69, 99]), (.stop, [11, 60, 64, 65, 67, 70, 71]),
        ] as [(Reaction, [Int])])
    func `each refusal of a recovery`(expected: Reaction, codes: [Int]) {
        for code in codes {
            var script = Script()
            script.play()
            script.closed()
            script.wait(.seconds(1))
            _ = script.trace()
            script.opened()
            _ = script.trace()
            script.receive("WSOK", "CONERR,\(code),any text")
            #expect(reaction(&script) == expected, "CONERR,\(code)")
        }
    }

    @Test(
        arguments: [
            (.credentials, [-100, -1, 0]), (.atOnce, [41, 48]), (.longBackOff, [7, 8, 35, 40]),
            (.backOff, [5, 6, 31, 32, 33, 34, 66, 68, 99]), (.stop, [11, 60, 70, 71]),
        ] as [(Reaction, [Int])])
    func `each ending of a session`(expected: Reaction, codes: [Int]) {
        for code in codes {
            for text in ["any text", "null", ""] {
                var script = Script()
                script.play()
                script.receive("END,\(code),\(text)")
                #expect(script.sink.text.contains("lost(reason: \"code \(code) \(text)\")"), "END,\(code)")
                #expect(reaction(&script) == expected, "END,\(code),\(text)")
            }
        }
    }

    /// A session that holds ends the row of failures; one that ends at once does not.
    @Test func `endings at once are not answered at once for ever`() {
        var script = Script()
        script.play()
        var pauses: [Duration] = []
        for _ in 0..<4 {
            script.receive("END,48,Session duration")
            let before = script.now
            script.wait((script.session.nextDeadline ?? before) - before)
            pauses.append(script.now - before)
            _ = script.trace()
            script.opened()
            script.receive("WSOK", "CONOK,S\(pauses.count),50000,5000,*")
        }
        #expect(pauses[0] <= .milliseconds(100))
        #expect(pauses.dropFirst().allSatisfy { $0 >= .milliseconds(500) })
    }
}
