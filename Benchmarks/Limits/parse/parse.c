// limit-parse LINES.txt: how many update lines a second can be parsed into tick records.
#include "limit.h"

#include "tlcp.h"

enum { RING_RECORDS = 64 };

struct outcome {
    uint64_t ticks;
    uint64_t refused;
    /// Sum of bid, ask and time of all ticks.
    uint64_t checksum;
};

static struct outcome parse_all(struct bytes file) {
    static struct subscription items[SUBSCRIPTIONS_MAX];
    static struct tick_record ring[RING_RECORDS];
    memset(items, 0, sizeof items);
    name_subscriptions(items);

    struct outcome outcome = {0};
    struct text rest = {file.start, file.count}, line;
    int64_t receive_time = clock_ns(CLOCK_REALTIME);
    while (next_line(&rest, &line)) {
        struct tick_record *tick = &ring[outcome.ticks % RING_RECORDS];
        if (!read_tick(items, line, receive_time, tick)) {
            outcome.refused++;
            continue;
        }
        tick->position = ++outcome.ticks;
        outcome.checksum += (uint64_t)tick->bid + (uint64_t)tick->ask + (uint64_t)tick->broker_time;
    }
    keep(ring);
    return outcome;
}

int main(int count, char **arguments) {
    if (count != 2) usage("limit-parse LINES.txt");
    struct bytes file = load_file(arguments[1]);

    parse_all(file);  // Warms up.
    int64_t began = monotonic_ns();
    struct outcome outcome = parse_all(file);
    int64_t ended = monotonic_ns();

    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, \"checksum\": %" PRId64 ", \"refused\": %" PRIu64 "}\n",
           outcome.ticks, seconds_between(began, ended), (int64_t)outcome.checksum, outcome.refused);
    return 0;
}
