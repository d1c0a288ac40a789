// limit-query DATABASE COUNT [WARMUP]: how long it takes to read the last 200 whole candles of a pair and timeframe.
#include "limit.h"

#include "database.h"
#include "records.h"

#define USAGE "limit-query DATABASE COUNT [WARMUP]"

enum { CANDLES = 200, WARMUP = 200, INSTRUMENTS_MAX = 4096, STRIDE = 7919 };

static const char last_candles[] =
    "SELECT open_time, bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,"
    "  mid_open, mid_high, mid_low, mid_close, tick_count, complete, blind_ms, lost, revision, source "
    "FROM candle WHERE instrument_id = ? AND timeframe = ? AND complete = 1 ORDER BY open_time DESC LIMIT 200";

struct candle {
    int64_t timestamp;
    struct prices bid, ask, mid;
    int64_t tick_count, blind_milliseconds, lost_updates, revision;
    bool is_complete;
    uint8_t source;
};

struct reader {
    sqlite3 *database;
    sqlite3_stmt *query;
    int64_t instruments[INSTRUMENTS_MAX];
    size_t instrument_count;
    /// Filled from the end: the newest comes first out of the database and last in here.
    struct candle candles[CANDLES];
};

static struct prices read_prices(sqlite3_stmt *row, int first) {
    return (struct prices){
        sqlite3_column_int64(row, first), sqlite3_column_int64(row, first + 1), sqlite3_column_int64(row, first + 2),
        sqlite3_column_int64(row, first + 3)};
}

static struct candle read_candle(sqlite3_stmt *row) {
    return (struct candle){
        .timestamp = sqlite3_column_int64(row, 0),
        .bid = read_prices(row, 1),
        .ask = read_prices(row, 5),
        .mid = read_prices(row, 9),
        .tick_count = sqlite3_column_int64(row, 13),
        .is_complete = sqlite3_column_int64(row, 14) != 0,
        .blind_milliseconds = sqlite3_column_int64(row, 15),
        .lost_updates = sqlite3_column_int64(row, 16),
        .revision = sqlite3_column_int64(row, 17),
        .source = (uint8_t)sqlite3_column_int64(row, 18),
    };
}

/// Reads the candles of the query with this number. Returns how many there are.
static size_t read_last(struct reader *reader, uint64_t number) {
    sqlite3_bind_int64(reader->query, 1, reader->instruments[number * STRIDE % reader->instrument_count]);
    sqlite3_bind_int64(reader->query, 2, number % 2 == 0 ? 300 : 900);
    size_t count = 0;
    while (step(reader->database, reader->query)) {
        if (count < CANDLES) reader->candles[CANDLES - ++count] = read_candle(reader->query);
    }
    keep(reader->candles);
    return count;
}

static void open_reader(struct reader *reader, const char *path) {
    reader->database = open_database(path, SQLITE_OPEN_READONLY);
    reader->query = prepare(reader->database, last_candles);
    sqlite3_stmt *instruments = prepare(reader->database, "SELECT id FROM instrument ORDER BY id");
    while (step(reader->database, instruments)) {
        if (reader->instrument_count == INSTRUMENTS_MAX) fail("more than %d instruments", INSTRUMENTS_MAX);
        reader->instruments[reader->instrument_count++] = sqlite3_column_int64(instruments, 0);
    }
    sqlite3_finalize(instruments);
    if (reader->instrument_count == 0) fail("%s has no instruments", path);
}

int main(int count, char **arguments) {
    if (count != 3 && count != 4) usage(USAGE);
    uint64_t queries = (uint64_t)number_argument(arguments[2], 1, 100000000, USAGE);
    uint64_t warmup = count == 4 ? (uint64_t)number_argument(arguments[3], 0, 100000000, USAGE) : WARMUP;
    static struct reader reader;
    open_reader(&reader, arguments[1]);
    int64_t *samples = allocate(queries, sizeof *samples);

    for (uint64_t number = 0; number < warmup; number++) read_last(&reader, number);
    uint64_t rows = 0;
    for (uint64_t number = 0; number < queries; number++) {
        int64_t began = monotonic_ns();
        rows += read_last(&reader, number);
        samples[number] = monotonic_ns() - began;
    }

    printf("{\"rows\": %" PRIu64 ", \"nanoseconds\": [", rows);
    for (uint64_t number = 0; number < queries; number++) printf("%s%" PRId64, number > 0 ? "," : "", samples[number]);
    puts("]}");
    sqlite3_finalize(reader.query);
    sqlite3_close(reader.database);
    return 0;
}
