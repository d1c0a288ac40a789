public import Logging

/// A logger whose lines go nowhere.
public func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
