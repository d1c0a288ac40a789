#include "chain.h"

#include "bus.h"
#include "fold.h"

/// A longer run measures throughput: its moments are not printed.
enum { MOMENTS_MAX = 1000000 };

static struct fold fold;
static int64_t moments[MOMENTS_MAX];

static void print_moments(uint64_t ticks) {
    fputs(", \"moments\": [", stdout);
    for (uint64_t tick = 0; ticks <= MOMENTS_MAX && tick < ticks; tick++) {
        printf("%s%" PRId64, tick > 0 ? "," : "", moments[tick]);
    }
    fputs("]", stdout);
}

void run_fold(const char *endpoint, uint64_t count) {
    struct bus bus;
    bus_connect(&bus, endpoint);
    fold_begin(&fold);
    uint64_t ticks = 0, damaged = 0;
    int64_t began = 0, ended = 0;
    struct tick_record record;
    while (ticks < count && bus_receive(&bus, &record)) {
        if (!is_whole(&record)) {
            damaged++;
            continue;
        }
        if (ticks == 0) began = monotonic_ns();
        fold_record(&fold, &record);
        if (record.kind != KIND_TICK) continue;
        ended = monotonic_ns();
        if (ticks < MOMENTS_MAX) moments[ticks] = ended;
        ticks++;
    }
    bus_close(&bus);
    fold_end(&fold);

    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, ", ticks, ticks > 0 ? seconds_between(began, ended) : 0);
    print_fold(&fold);
    printf(", \"damaged\": %" PRIu64, damaged);
    print_moments(ticks);
    puts("}");
}
