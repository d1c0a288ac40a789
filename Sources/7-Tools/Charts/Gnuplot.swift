internal import Host

/// Runs gnuplot, and writes texts in its language. Source: gnuplot 5.4 manual.
public enum Gnuplot {
    /// - Throws: `Failure` (69) if it is not installed.
    public static func check(program: String = "gnuplot") throws {
        let result = try ChildProcess.run([program, "--version"], input: [], seconds: secondsMax)
        if result.exitCode == ChildProcess.missing { throw missing }
    }

    private static var missing: Failure {
        Failure(.unavailable, "gnuplot draws the pictures, and it is not installed: apt install gnuplot-nox")
    }

    /// Many times the time for 500 candles.
    private static let secondsMax = 60

    /// - Parameters:
    ///   - terminal: gnuplot's name of the format, with its options.
    ///   - program: another one in tests.
    static func draw(
        _ script: String, _ terminal: String, width: Int, height: Int, program: String = "gnuplot"
    ) throws -> [UInt8] {
        // The one counts points, the other pixels.
        let fontSize = terminal == "pngcairo" ? 10 : 12
        let whole = """
            set encoding utf8
            set terminal \(terminal) noenhanced size \(width),\(height) font 'sans-serif,\(fontSize)'
            \(script)
            """
        // Without the user's own settings.
        let result = try ChildProcess.run([program, "-d", "-"], input: whole.utf8, seconds: secondsMax)
        switch result.exitCode {
        case 0 where !result.output.isEmpty: return result.output
        case ChildProcess.missing:
            throw missing
        case ChildProcess.late:
            throw Failure(.unavailable, "gnuplot has not drawn the picture within \(secondsMax) s")
        default:
            let lines = result.errors.split(separator: "\n").map { $0.drop { $0 == " " } }
            let reason = lines.last ?? "it printed no reason"
            throw Failure(.unavailable, "gnuplot cannot draw the picture (code \(result.exitCode)): \(reason)")
        }
    }

    /// A text in single quotes: nothing in it is a command, a variable or an escape. A quote of its own becomes a
    /// typographic one, since gnuplot reads two at the start as an empty text.
    static func quoted(_ text: String) -> String {
        let printable = text.unicodeScalars.filter { $0.properties.generalCategory != .control }
        return "'" + String(String.UnicodeScalarView(printable)).replacing("'", with: "’") + "'"
    }

    /// A text for an axis, where `%` begins a format of the number.
    static func tic(_ text: String) -> String { quoted(text.replacing("%", with: "%%")) }

    /// Rows of numbers under a name with which `plot` finds them.
    static func block(_ name: String, _ rows: [[String]]) -> String {
        "$\(name) << EOD\n" + rows.map { $0.joined(separator: " ") + "\n" }.joined() + "EOD\n"
    }

    /// A picture that holds a sentence only.
    static func sentence(_ text: String) -> String {
        """
        set label \(quoted(text)) at screen 0.5, screen 0.5 center
        unset border
        unset tics
        plot [0:1] [0:1] -1 notitle
        """
    }
}
