internal import Glibc

/// The terminal at standard output.
public enum Terminal {
    public struct Size: Hashable, Sendable {
        public let rows: Int
        public let columns: Int
    }

    /// Whether standard input is one.
    public static var isInput: Bool { isatty(0) == 1 }

    /// `nil` where standard output is no terminal. A terminal that does not know its size counts as 24 by 80.
    public static var size: Size? {
        guard isatty(1) == 1 else { return nil }
        var window = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &window) == 0, window.ws_row > 0, window.ws_col > 0 else {
            return Size(rows: 24, columns: 80)
        }
        return Size(rows: Int(window.ws_row), columns: Int(window.ws_col))
    }
}
