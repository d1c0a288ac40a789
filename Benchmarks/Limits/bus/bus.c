// limit-bus send|receive ENDPOINT COUNT: how many records a second pass from one process to another over ZeroMQ, one a
// message. Start both; the sender waits for the receiver, and for each message that finds a full queue.
#include "limit.h"

#include "bus.h"

#define USAGE "limit-bus send|receive ENDPOINT COUNT"

static void print_outcome(uint64_t count, int64_t began, int64_t ended) {
    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f}\n", count, seconds_between(began, ended));
}

static void send_records(struct bus *bus, uint64_t count) {
    if (!bus_wait_for_reader(bus)) return;
    struct tick_record tick = {.kind = KIND_TICK, .pair = "EUR_USD", .bid = 1100120000, .ask = 1100200000};
    int64_t began = monotonic_ns();
    for (uint64_t position = 1; position <= count && !is_stopping; position++) {
        tick.position = position;
        bus_send(bus, &tick);
    }
    int64_t ended = monotonic_ns();
    bus_wait_for_end_of_reader(bus);
    bus_close(bus);
    print_outcome(tick.position, began, ended);
}

static void receive_records(struct bus *bus, uint64_t count) {
    struct tick_record tick;
    uint64_t received = 0;
    int64_t began = 0;
    while (received < count && bus_receive(bus, &tick)) {
        if (++received == 1) began = monotonic_ns();
        if (tick.position != received) fail("position %" PRIu64 " instead of %" PRIu64, tick.position, received);
    }
    int64_t ended = received > 0 ? monotonic_ns() : 0;
    bus_close(bus);
    print_outcome(received, began, ended);
}

int main(int count, char **arguments) {
    if (count != 4) usage(USAGE);
    bool is_sender = strcmp(arguments[1], "send") == 0;
    if (!is_sender && strcmp(arguments[1], "receive") != 0) usage(USAGE);
    uint64_t records = (uint64_t)number_argument(arguments[3], 1, INT64_MAX, USAGE);
    stop_on_signals();

    struct bus bus;
    if (is_sender) {
        bus_bind(&bus, arguments[2]);
        send_records(&bus, records);
    } else {
        bus_connect(&bus, arguments[2]);
        receive_records(&bus, records);
    }
    return 0;
}
