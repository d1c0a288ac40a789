internal import Inspection

/// Looks at the verdict every few seconds and tells of what changes.
public final class Watcher {
}
