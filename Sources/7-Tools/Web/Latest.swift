internal import Synchronization

/// The newest value of one thread for all others.
package final class Latest<Value: Sendable>: Sendable {
    private let box = Mutex<Value?>(nil)

    package init() {}

    package var value: Value? {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}
