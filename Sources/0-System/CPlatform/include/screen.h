#pragma once

/// Takes the terminal at descriptors 0 and 1 for a picture: its other screen without a cursor, and keys that come at once
/// and unseen. Whatever ends the process by a signal, but SIGKILL, gives it back first; so does a stop by Ctrl-Z, and the
/// picture's screen comes back with the process. SIGTERM and SIGINT are the caller's. Once in a process at a time.
void candlewick_screen_take(void);

/// Gives it back; again is harmless.
void candlewick_screen_give_back(void);
