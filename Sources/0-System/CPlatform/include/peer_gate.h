#pragma once
#include <stdint.h>

// The gate for what connects to our Unix sockets, and to the relay's ports. libzmq bounds neither the number of its
// peers (it aborts the process when descriptors run out) nor their subscriptions, so accept4(2) and recv(2) of the
// whole process are replaced: docs/decisions/0026-a-gate-for-peers.md. Connections of other kinds pass as they are.

/// At most so many peers at a time, and at most so many that are processes of other users than our own and root.
enum { CANDLEWICK_PEERS_MAX = 256, CANDLEWICK_OTHERS_MAX = 64 };

/// A peer may send so many bytes at once: greeting, subscriptions, requests. And so many more each second, which is
/// above a heartbeat a second.
enum { CANDLEWICK_PEER_BYTES_MAX = 32 * 1024, CANDLEWICK_PEER_BYTES_PER_SECOND = 16 };

/// The same for the relay's peers on the network. Those of its live port may send a little more each second: they answer
/// its heartbeats and may have their own. Those of the other port ask for records, and what they send takes no memory.
enum { CANDLEWICK_NETWORK_PEERS_MAX = 256, CANDLEWICK_NETWORK_BYTES_PER_SECOND = 128 };

/// From now on the peers of network listeners are counted, and those of this port bounded in what they send. 0: neither.
void candlewick_gate_network(uint16_t live_port);

/// Peers that were turned away or cut off, since the process started.
uint64_t candlewick_peers_refused(void);
