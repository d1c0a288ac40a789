#pragma once
#include <stdint.h>

// The gate for what connects to our Unix sockets. libzmq bounds neither the number of its peers (it aborts the
// process when descriptors run out) nor their subscriptions, so accept4(2) and recv(2) of the whole process are
// replaced: docs/decisions/0026-a-gate-for-peers.md. Connections of other kinds pass as they are.

/// At most so many peers at a time, and at most so many that are processes of other users than our own and root.
enum { CANDLEWICK_PEERS_MAX = 256, CANDLEWICK_OTHERS_MAX = 64 };

/// A peer may send so many bytes at once: greeting, subscriptions, requests. And so many more each second, which is
/// above a heartbeat a second.
enum { CANDLEWICK_PEER_BYTES_MAX = 32 * 1024, CANDLEWICK_PEER_BYTES_PER_SECOND = 16 };

/// Peers that were turned away or cut off, since the process started.
uint64_t candlewick_peers_refused(void);
