// One record a message over a ZeroMQ socket on a Unix path.
#pragma once
#include "records.h"

#include <zmq.h>

/// Messages that wait for a reader, and at a reader.
enum { QUEUE_LIMIT = 65536 };
/// How often one that waits looks whether it is to stop, in milliseconds.
enum { TURN_MILLISECONDS = 100 };

struct bus {
    void *context;
    void *socket;
    zmq_msg_t message;
};

_Noreturn static inline void bus_fail(const char *operation, const char *endpoint) {
    fail("cannot %s %s: %s", operation, endpoint, zmq_strerror(zmq_errno()));
}

static inline void bus_option(struct bus *bus, int option, int value) {
    if (zmq_setsockopt(bus->socket, option, &value, sizeof value) != 0) bus_fail("set up", "a socket");
}

static inline void bus_open(struct bus *bus, int kind, const char *endpoint) {
    bus->context = zmq_ctx_new();
    bus->socket = bus->context != NULL ? zmq_socket(bus->context, kind) : NULL;
    if (bus->socket == NULL) bus_fail("make a socket for", endpoint);
    zmq_msg_init(&bus->message);
    bus_option(bus, ZMQ_SNDHWM, QUEUE_LIMIT);
    bus_option(bus, ZMQ_RCVHWM, QUEUE_LIMIT);
    bus_option(bus, ZMQ_RCVTIMEO, TURN_MILLISECONDS);
}

/// Binds as a publisher that waits for slow readers instead of leaving messages out.
static inline void bus_bind(struct bus *bus, const char *endpoint) {
    bus_open(bus, ZMQ_XPUB, endpoint);
    bus_option(bus, ZMQ_XPUB_NODROP, 1);
    bus_option(bus, ZMQ_SNDTIMEO, TURN_MILLISECONDS);
    if (zmq_bind(bus->socket, endpoint) != 0) bus_fail("bind", endpoint);
}

/// Connects as a reader of everything.
static inline void bus_connect(struct bus *bus, const char *endpoint) {
    bus_open(bus, ZMQ_SUB, endpoint);
    if (zmq_setsockopt(bus->socket, ZMQ_SUBSCRIBE, "", 0) != 0) bus_fail("subscribe to", endpoint);
    if (zmq_connect(bus->socket, endpoint) != 0) bus_fail("connect to", endpoint);
}

/// What a publisher hears of its readers: messages of this byte and a topic.
enum word { WORD_LEFT = 0, WORD_SUBSCRIBED = 1 };

static inline bool bus_wait_for_word(struct bus *bus, enum word wanted) {
    char word;
    while (!is_stopping) {
        if (zmq_recv(bus->socket, &word, 1, 0) > 0) {
            if (word == (char)wanted) return true;
        } else if (errno != EAGAIN && errno != EINTR) {
            bus_fail("wait for", "a reader");
        }
    }
    return false;
}

/// Waits until somebody has subscribed. False where a stop was asked for.
static inline bool bus_wait_for_reader(struct bus *bus) { return bus_wait_for_word(bus, WORD_SUBSCRIBED); }

/// Waits until the reader has what it wanted. A reader with a full queue loses what the kernel still holds for it when
/// its publisher closes, however long that lingers.
static inline void bus_wait_for_end_of_reader(struct bus *bus) { bus_wait_for_word(bus, WORD_LEFT); }

/// Sends one record; waits where the queue is full, until a stop is asked for.
static inline void bus_send(struct bus *bus, const struct tick_record *record) {
    while (zmq_send(bus->socket, record, sizeof *record, 0) < 0) {
        if (errno != EAGAIN && errno != EINTR) bus_fail("send to", "the bus");
        if (is_stopping) return;
    }
}

/// Waits for the next record. False where a stop was asked for.
static inline bool bus_receive(struct bus *bus, struct tick_record *record) {
    while (zmq_msg_recv(&bus->message, bus->socket, 0) < 0) {
        if (errno != EAGAIN && errno != EINTR) bus_fail("receive from", "the bus");
        if (is_stopping) return false;
    }
    size_t size = zmq_msg_size(&bus->message);
    if (size != sizeof *record) fail("a message of %zu bytes is no record", size);
    memcpy(record, zmq_msg_data(&bus->message), sizeof *record);
    return true;
}

static inline void bus_close(struct bus *bus) {
    bus_option(bus, ZMQ_LINGER, 0);
    zmq_msg_close(&bus->message);
    zmq_close(bus->socket);
    zmq_ctx_term(bus->context);
}
