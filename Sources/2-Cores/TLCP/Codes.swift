/// A client's reaction to a `CONERR` or an `END`. Source: TLCP § Codes; the column "Ours" of the
/// project's reference, since the protocol leaves most of it open.
public enum SessionDisposition: Hashable, Sendable {
    /// Create a new session at once.
    case newSession
    /// Create a new session after the usual back-off.
    case backOff
    /// Create a new session after a long back-off: nothing will change soon, or someone else is at work.
    case longBackOff
    /// New credentials are needed before the next attempt.
    case credentials
    /// Trying again cannot help.
    case stop

    /// For the code of a `CONERR`, to a create or to a bind.
    public init(refusal code: Int) {
        switch code {
        case ...0, 1: self = .credentials
        case 3, 4, 20, 21, 41, 48: self = .newSession
        case 2, 7, 8, 35, 40: self = .longBackOff
        case 5, 6, 9, 10, 31, 32, 33, 34, 66, 68, 69: self = .backOff
        case 11, 60, 64, 65, 67, 70, 71: self = .stop
        default: self = .backOff
        }
    }

    /// For the code of an `END` that we did not ask for.
    public init(ending code: Int) {
        switch code {
        case ...0: self = .credentials
        case 3, 4, 20, 21, 41, 48: self = .newSession
        case 7, 8, 35, 40: self = .longBackOff
        case 11, 60, 70, 71: self = .stop
        default: self = .backOff
        }
    }
}

/// A client's reaction to a `REQERR`. Source: TLCP § Codes.
public enum RequestDisposition: Hashable, Sendable {
    /// The session is gone.
    case newSession
    /// Try this request again after a back-off.
    case retry
    /// The request is already fulfilled.
    case done
    /// Report it and leave this subscription out.
    case refuse

    public init(code: Int, isDelete: Bool) {
        switch code {
        case 20, 11, 3: self = .newSession
        case 66, 68: self = .retry
        case 19 where isDelete: self = .done
        default: self = .refuse
        }
    }
}
