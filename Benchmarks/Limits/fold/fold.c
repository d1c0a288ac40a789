// limit-fold TICKS.bin: how many records of the ticks stream a second can be folded into candles.
#include "limit.h"

#include "fold.h"

static struct fold fold;

static void fold_all(const struct tick_record *records, size_t count) {
    fold_begin(&fold);
    for (size_t index = 0; index < count; index++) fold_record(&fold, &records[index]);
}

int main(int count, char **arguments) {
    if (count != 2) usage("limit-fold TICKS.bin");
    struct bytes file = load_file(arguments[1]);
    if (file.count % sizeof(struct tick_record) != 0) fail("%s is no row of whole records", arguments[1]);
    const struct tick_record *records = (const struct tick_record *)file.start;
    size_t record_count = file.count / sizeof(struct tick_record);

    fold_all(records, record_count);  // Warms up.
    int64_t began = monotonic_ns();
    fold_all(records, record_count);
    int64_t ended = monotonic_ns();

    printf("{\"count\": %zu, \"seconds\": %.9f, ", record_count, seconds_between(began, ended));
    print_fold(&fold);
    puts("}");
    return 0;
}
