#pragma once

/// Takes the terminal at descriptors 0 and 1 for a picture: its other screen without a cursor, and keys that come at once
/// and unseen. Whatever ends the process by a signal, but SIGKILL, gives it back first; so does a stop by Ctrl-Z, and the
/// picture's screen comes back with the process. SIGTERM and SIGINT are the caller's. Once in a process at a time.
void candlewick_screen_take(void);

/// A descriptor that is readable while one of the two is, or -errno. A negative one does not count.
int candlewick_either_descriptor(int one, int other);

/// Gives it back; again is harmless.
void candlewick_screen_give_back(void);
