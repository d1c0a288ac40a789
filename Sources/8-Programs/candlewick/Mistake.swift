internal import ArgumentParser
internal import MarketData

/// What a person probably meant by arguments that were refused: ArgumentParser suggests no command, options that have
/// little in common with what was typed, and takes a negative number for an option.
struct Mistake {
    private let arguments: [String]
    private let root: any ParsableCommand.Type

    init(_ arguments: [String], of root: any ParsableCommand.Type) { (self.arguments, self.root) = (arguments, root) }

    /// The arguments with a negative number as the value of the option before it: `--last=-3`. So the option refuses it.
    static func joined(_ arguments: [String]) -> [String] {
        arguments.reduce(into: []) { all, argument in
            let isNegative = argument.first == "-" && argument.dropFirst().first?.isNumber == true
            if isNegative, let option = all.last, option.hasPrefix("--"), !option.contains("="), option != "--" {
                all[all.count - 1] = "\(option)=\(argument)"
            } else {
                all.append(argument)
            }
        }
    }

    /// A better sentence than the parser's; `nil` if it has said all.
    func sentence(for message: String) -> String? {
        if let answer = unknownCommand ?? unknownOption { return answer }
        let quoted = message.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard quoted.count == 3, quoted[0] == "The value " else { return nil }
        if quoted[2].contains("timeframe>'") {
            return "\(message): \(Timeframe.refusal(of: quoted[1]).drop { $0 != ":" }.dropFirst(2))"
        }
        if quoted[2].hasPrefix(" is invalid for '<time>'"), Timeframe(quoted[1]) != nil {
            return "\(quoted[1]) is a timeframe, not a time: write --timeframe \(quoted[1])"
        }
        let choices = quoted[2].split(separator: "\n").filter { $0.hasPrefix("  - ") }.map { String($0.dropFirst(4)) }
        return nearest(to: quoted[1], among: choices).map {
            "\(message.split(separator: "\n")[0].split(separator: ". Please")[0]); did you mean '\($0)'?"
        }
    }

    // MARK: Commands

    /// The words of the command as far as they are known, and what they name.
    private var found: (words: [String], command: any ParsableCommand.Type, next: String?) {
        var words = [root.name]
        var command = root
        for argument in arguments {
            guard let child = command.child(argument) else { return (words, command, argument) }
            words.append(child.name)
            command = child
        }
        return (words, command, nil)
    }

    private var unknownCommand: String? {
        let (words, command, next) = found
        // What is no subcommand may belong to the default one.
        guard let next, !next.hasPrefix("-"), next != "help", !command.configuration.subcommands.isEmpty,
            command.configuration.defaultSubcommand == nil
        else { return nil }
        let names = command.configuration.subcommands.map { $0.name }
        let further = root.configuration.subcommands.flatMap { parent in
            parent.configuration.subcommands.filter { $0.isNamed(next) }.map { "\(parent.name) \($0.name)" }
        }
        guard let meant = further.first ?? nearest(to: next, among: names) else {
            return "'\(next)' is not a command: \(words.joined(separator: " ")) --help lists them"
        }
        return "'\(next)' is not a command; did you mean '\(meant)'?"
    }

    // MARK: Options

    private var unknownOption: String? {
        let (words, command, _) = found
        let options = Mistake.options((command.configuration.defaultSubcommand ?? command).helpMessage(columns: 400))
        let typed = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } }
        guard let option = typed.map(String.init).first(where: { !options.contains($0) }) else { return nil }
        let meant = nearest(to: option, among: options).map { "; did you mean '\($0)'?" }
        return "'\(option)' is not an option of '\(words.joined(separator: " "))'" + (meant ?? "")
    }

    /// The long names in the list of options of a help text.
    private static func options(_ help: String) -> [String] {
        let lines = help.split(separator: "\n").drop { $0 != "OPTIONS:" }.dropFirst()
        return lines.flatMap { line in
            let isEntry = line.hasPrefix("  -")
            return isEntry
                ? line.split { " ,/".contains($0) }.prefix(3).filter { $0.hasPrefix("--") }.map(String.init) : []
        }
    }
}

extension ParsableCommand {
    fileprivate static var name: String { _commandName }

    fileprivate static func isNamed(_ word: String) -> Bool { name == word || configuration.aliases.contains(word) }

    fileprivate static func child(_ word: String) -> (any ParsableCommand.Type)? {
        configuration.subcommands.first { $0.isNamed(word) }
    }
}

/// The word that is so near to what was typed that it was probably meant: a third of its letters may differ.
func nearest(to typed: String, among words: [String]) -> String? {
    let distances = words.map { (word: $0, distance: editDistance(typed.lowercased(), $0.lowercased())) }
    return distances.filter { $0.distance <= max(1, min($0.word.count, typed.count) / 3) }
        .min { $0.distance < $1.distance }?.word
}

/// How many letters have to be added, removed, replaced or swapped with the next one (optimal string alignment).
func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    var rows = [Array(0...right.count)]
    for (i, letter) in left.enumerated() {
        var row = [i + 1]
        for (j, other) in right.enumerated() {
            var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter == other ? 0 : 1))
            if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
