/// Updates that wait for a client that is away or does not read.
///
/// MERGE keeps the newest state of an item; DISTINCT keeps a queue and drops the oldest beyond the item's
/// limit. Source: TLCP § Modes.
///
/// The specification orders the updates of one item only, so a newest state of MERGE may have a later time
/// than ticks behind it. Our choice: it keeps the place of the state that it replaces. Moved to the end with
/// each new state it would never be sent to a client that is always slow, as no real server does.
struct HeldUpdates {
    struct Entry {
        let item: SubscribedItem
        var values: [FieldValue]
        /// Replaced by a newer one, or its subscription is gone.
        var isDropped = false
    }

    private var entries: [Entry] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Adds the item's present values.
    /// - Returns: the number of updates that were lost for it (0 or 1).
    mutating func add(_ item: SubscribedItem) -> Int {
        var lost = 0
        if item.heldCount >= item.heldMax, let oldest = index(of: item) {
            if item.item.mode == .merge {
                entries[oldest].values = item.item.values
                return 0
            }
            drop(at: oldest)
            lost = 1
        }
        if entries.count - head > 2 * count + 1_024 {
            entries = entries[head...].filter { !$0.isDropped }
            head = 0
        }
        entries.append(Entry(item: item, values: item.item.values))
        item.heldCount += 1
        count += 1
        return lost
    }

    mutating func next() -> Entry? {
        while head < entries.count {
            let entry = entries[head]
            head += 1
            if entry.isDropped { continue }
            count -= 1
            entry.item.heldCount -= 1
            compact()
            return entry
        }
        compact()
        return nil
    }

    mutating func removeAll(ofSubscription id: Int) {
        for index in head..<entries.count where entries[index].item.subscription == id && !entries[index].isDropped {
            drop(at: index)
        }
    }

    private mutating func drop(at index: Int) {
        entries[index].isDropped = true
        entries[index].item.heldCount -= 1
        count -= 1
    }

    private func index(of item: SubscribedItem) -> Int? {
        entries[head...].firstIndex { $0.item === item && !$0.isDropped }
    }

    private mutating func compact() {
        guard head == entries.count || head > 4_096 else { return }
        entries.removeFirst(head)
        head = 0
    }
}
