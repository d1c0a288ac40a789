internal import Glibc

/// The terminal at standard output.
public enum Terminal {
    public struct Size: Hashable, Sendable {
        public var rows: Int
        public let columns: Int

        /// The size if the terminal does not report one.
        public static let usual = Size(rows: 24, columns: 80)
    }

    /// Whether colours are wanted: on a terminal that has them, and where NO_COLOR is not set.
    public static func hasColours(_ environment: Environment) -> Bool {
        hasScreen(environment) && environment["NO_COLOR"] == nil
    }

    /// Whether what is written can be replaced in place.
    public static func hasScreen(_ environment: Environment) -> Bool {
        isatty(1) == 1 && environment["TERM"] ?? "dumb" != "dumb"
    }

    /// Whether standard input is one.
    public static var isInput: Bool { isatty(0) == 1 }

    /// Whether standard error is one.
    public static var isError: Bool { isatty(2) == 1 }

    /// Waits for a line that a person types.
    /// - Returns: without its end; `nil` at the end of input, and after a request to stop.
    public static func line(until stop: StopSignal) -> String? {
        var requests = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&requests, 2, -1) > 0, requests[1].revents == 0 else { return nil }
        // A terminal gives one line at a time.
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(0, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// `nil` if standard output is not a terminal. A terminal that does not know its size counts as 24 by 80.
    public static var size: Size? {
        guard isatty(1) == 1 else { return nil }
        var window = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &window) == 0, window.ws_row > 0, window.ws_col > 0 else {
            return .usual
        }
        return Size(rows: Int(window.ws_row), columns: Int(window.ws_col))
    }
}
