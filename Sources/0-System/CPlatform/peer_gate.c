#define _GNU_SOURCE
#include "peer_gate.h"
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096 };

static struct {
    /// 1 more than what the peer may send at this second; 0: no peer that is gated.
    _Atomic uint32_t left;
    /// When `left` was last added to. Seconds, monotonic.
    int64_t second;
    /// The socket that had this descriptor when it was accepted.
    uint64_t cookie;
    int is_other, is_network;
    /// What is added to `left` each second; 0: it may send as much as it likes.
    uint32_t bytes_per_second;
} peers[DESCRIPTORS];
static _Atomic uint16_t gated_port;
static int peers_end;
static pthread_mutex_t admission = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t refused;

uint64_t candlewick_peers_refused(void) { return refused; }
void candlewick_gate_network(uint16_t live_port) { gated_port = live_port; }

static uint64_t cookie(int descriptor) {
    uint64_t value = 0;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &value, &size) == 0 ? value : 0;
}

static int64_t present_second(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static int is_unix(int descriptor) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static int is_other(int descriptor) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 1;
    return peer.uid != geteuid() && peer.uid != 0;
}

/// Whether the peer is still the one that was accepted; forgets it otherwise.
static int is_present(int descriptor) {
    if (!peers[descriptor].left) return 0;
    if (cookie(descriptor) == peers[descriptor].cookie) return 1;
    peers[descriptor].left = 0;
    return 0;
}

static uint16_t own_port(int descriptor) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port) : 0;
}

static uint32_t bytes_per_second(int descriptor, int network) {
    if (!network) return CANDLEWICK_PEER_BYTES_PER_SECOND;
    return own_port(descriptor) == gated_port ? CANDLEWICK_NETWORK_BYTES_PER_SECOND : 0;
}

static int admit(int descriptor, int network) {
    if (descriptor >= DESCRIPTORS) return 0;
    int other = !network && is_other(descriptor), others = other, all = 1;
    pthread_mutex_lock(&admission);
    peers[descriptor].left = 0;
    for (int i = 0; i < peers_end; i++) {
        if (!is_present(i) || peers[i].is_network != network) continue;
        all++;
        others += peers[i].is_other;
    }
    int most = network ? CANDLEWICK_NETWORK_PEERS_MAX : CANDLEWICK_PEERS_MAX;
    int admitted = all <= most && (!other || others <= CANDLEWICK_OTHERS_MAX);
    if (admitted) {
        peers[descriptor].cookie = cookie(descriptor);
        peers[descriptor].is_other = other;
        peers[descriptor].is_network = network;
        peers[descriptor].bytes_per_second = bytes_per_second(descriptor, network);
        peers[descriptor].left = CANDLEWICK_PEER_BYTES_MAX + 1;
        peers[descriptor].second = present_second();
        if (descriptor >= peers_end) peers_end = descriptor + 1;
    }
    pthread_mutex_unlock(&admission);
    return admitted;
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
    int descriptor = (int)syscall(SYS_accept4, listener, address, length, flags);
    if (descriptor < 0) {
        // libzmq takes the one for a passing state and the other for a bug.
        int code = errno;
        errno = code == EMFILE && (gated_port || is_unix(listener)) ? ENFILE : code;
        return -1;
    }
    int network = !is_unix(descriptor);
    if ((network && !gated_port) || admit(descriptor, network)) return descriptor;
    close(descriptor);
    refused++;
    errno = ECONNABORTED;
    return -1;
}

/// What the peer may send now.
static uint32_t allowance(int descriptor) {
    int64_t now = present_second(), passed = now - peers[descriptor].second;
    int64_t left = peers[descriptor].left - 1 + passed * peers[descriptor].bytes_per_second;
    peers[descriptor].second = now;
    return left < CANDLEWICK_PEER_BYTES_MAX ? (uint32_t)left : CANDLEWICK_PEER_BYTES_MAX;
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags) {
    int is_peer = descriptor >= 0 && descriptor < DESCRIPTORS && peers[descriptor].left && is_present(descriptor);
    if (!is_peer || !peers[descriptor].bytes_per_second) return recvfrom(descriptor, bytes, count, flags, NULL, NULL);
    uint32_t left = allowance(descriptor);
    ssize_t taken = 0;
    if (left > 0) {
        taken = recvfrom(descriptor, bytes, count < left ? count : left, flags, NULL, NULL);
    } else {
        // Nothing was taken: the end of the connection.
        refused++;
    }
    peers[descriptor].left = left + 1 - (taken > 0 ? (uint32_t)taken : 0);
    return taken;
}
