// limit-journal FOLDER COUNT BURST: how many records a second can be appended to a file, sealed and written in bursts.
// Nothing is synced: what is written survives the end of the process.
#include "limit.h"

#include "records.h"

#define USAGE "limit-journal FOLDER COUNT BURST"

enum { BURST_MAX = 1 << 20 };

static char path[4096];

static int open_journal(const char *folder) {
    int length = snprintf(path, sizeof path, "%s/limit-%d.journal", folder, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof path) fail("the name of the folder is too long");
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0) fail_errno("make", path);
    struct segment_header header = segment_header(1);
    write_all(file, &header, sizeof header, path);
    return file;
}

/// Writes so many records, `burst` with each call, and removes the file. Returns the seconds that the writing took.
static double write_journal(const char *folder, uint64_t count, size_t burst, struct tick_record *buffer) {
    int file = open_journal(folder);
    struct tick_record tick = {.kind = KIND_TICK, .pair = "EUR_USD", .bid = 1100120000, .ask = 1100200000};
    int64_t began = monotonic_ns();
    for (uint64_t position = 1; position <= count;) {
        size_t gathered = 0;
        for (; gathered < burst && position <= count; gathered++, position++) {
            buffer[gathered] = tick;
            seal(&buffer[gathered], position);
        }
        write_all(file, buffer, gathered * sizeof *buffer, path);
    }
    int64_t ended = monotonic_ns();
    close(file);
    if (unlink(path) != 0) fail_errno("remove", path);
    return seconds_between(began, ended);
}

int main(int count, char **arguments) {
    if (count != 4) usage(USAGE);
    uint64_t records = (uint64_t)number_argument(arguments[2], 1, INT64_MAX / 64, USAGE);
    size_t burst = (size_t)number_argument(arguments[3], 1, BURST_MAX, USAGE);
    struct tick_record *buffer = allocate(burst, sizeof *buffer);

    if (records >= 10) write_journal(arguments[1], records / 10, burst, buffer);  // Warms up.
    double seconds = write_journal(arguments[1], records, burst, buffer);

    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f}\n", records, seconds);
    return 0;
}
