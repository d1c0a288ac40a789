/// A capture of a streaming connection, ready to be played. Source: docs/formats.md § 6.
struct Capture {
    /// A subscribed item that the broker accepted.
    struct Item: Equatable {
        let name: String
        let mode: ItemMode
        let fields: [String]
    }

    enum Step: Equatable {
        /// `values`: where in `Capture.values` those of the update begin, one for each field.
        case update(item: Int, values: Int)
        case notice(item: Int, ItemNotice)
        /// The connection ended, and the session was bound again.
        case cut
        case loop
    }

    struct Event: Equatable {
        /// When it was received, ns since 1970; never steps back.
        let time: Int64
        let step: Step
    }

    /// How a session ended that was followed by another one.
    enum Ending: Equatable {
        /// `END` with this code.
        case ended(code: Int)
        /// With its connection.
        case lost
    }

    /// The lines that one session received, without resent ones.
    struct Act {
        var events: [Event] = []
        /// `nil` for the last one.
        var ending: Ending?
        var endTime: Int64 = 0

        /// The items that the client asked for before the first update came.
        var initial: Set<Int> = []

        /// The items whose subscription the play waits for: those of the beginning that have updates. A client may
        /// subscribe to others in turn (native candles), and each in its own order.
        var awaited: Set<Int> {
            events.reduce(into: []) {
                if case .update(let item, _) = $1.step, initial.contains(item) { $0.insert(item) }
            }
        }
    }

    let items: [Item]
    /// All fields of all updates, one update after the other.
    let values: [FieldValue]
    /// At least one, each with updates.
    let acts: [Act]
}
