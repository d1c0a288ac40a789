// limit-postgres-query URI COUNT [WARMUP]: how long it takes to read the last 200 whole candles of a pair and timeframe
// from a PostgreSQL server, prepared and in the binary format.
#include "limit.h"

#include "postgres.h"
#include "records.h"

#define USAGE "limit-postgres-query URI COUNT [WARMUP]"

enum { CANDLES = 200, WARMUP = 200, INSTRUMENTS_MAX = 4096, STRIDE = 7919 };

static const char last_candles[] =
    "SELECT open_time, bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,"
    "  mid_open, mid_high, mid_low, mid_close, tick_count, complete, blind_ms, lost, revision, source "
    "FROM candle WHERE instrument_id = $1 AND timeframe = $2 AND complete = 1 ORDER BY open_time DESC LIMIT 200";

struct candle {
    int64_t timestamp;
    struct prices bid, ask, mid;
    int64_t tick_count, blind_milliseconds, lost_updates, revision;
    bool is_complete;
    uint8_t source;
};

struct reader {
    PGconn *server;
    char instruments[INSTRUMENTS_MAX][24];
    size_t instrument_count;
    /// Filled from the end: the newest comes first out of the database and last in here.
    struct candle candles[CANDLES];
};

static struct prices read_prices(const PGresult *result, int row, int first) {
    return (struct prices){
        number(result, row, first), number(result, row, first + 1), number(result, row, first + 2),
        number(result, row, first + 3)};
}

static struct candle read_candle(const PGresult *result, int row) {
    return (struct candle){
        .timestamp = number(result, row, 0),
        .bid = read_prices(result, row, 1),
        .ask = read_prices(result, row, 5),
        .mid = read_prices(result, row, 9),
        .tick_count = number(result, row, 13),
        .is_complete = number(result, row, 14) != 0,
        .blind_milliseconds = number(result, row, 15),
        .lost_updates = number(result, row, 16),
        .revision = number(result, row, 17),
        .source = (uint8_t)number(result, row, 18),
    };
}

/// Reads the candles of the query with this number. Returns how many there are.
static size_t read_last(struct reader *reader, uint64_t query) {
    const char *values[] = {
        reader->instruments[query * STRIDE % reader->instrument_count], query % 2 == 0 ? "300" : "900"};
    PGresult *result = ask(reader->server, "last", 2, values);
    size_t count = (size_t)PQntuples(result);
    for (size_t row = 0; row < count && row < CANDLES; row++) {
        reader->candles[CANDLES - 1 - row] = read_candle(result, (int)row);
    }
    PQclear(result);
    keep(reader->candles);
    return count;
}

static void open_reader(struct reader *reader, const char *uri) {
    reader->server = open_server(uri);
    prepare(reader->server, "last", last_candles);
    prepare(reader->server, "instruments", "SELECT id FROM instrument ORDER BY id");
    PGresult *rows = ask(reader->server, "instruments", 0, NULL);
    reader->instrument_count = (size_t)PQntuples(rows);
    if (reader->instrument_count == 0 || reader->instrument_count > INSTRUMENTS_MAX) {
        fail("%s has %zu instruments", uri, reader->instrument_count);
    }
    for (size_t row = 0; row < reader->instrument_count; row++) {
        snprintf(reader->instruments[row], sizeof reader->instruments[row], "%" PRId64, number(rows, (int)row, 0));
    }
    PQclear(rows);
}

int main(int count, char **arguments) {
    if (count != 3 && count != 4) usage(USAGE);
    uint64_t queries = (uint64_t)number_argument(arguments[2], 1, 100000000, USAGE);
    uint64_t warmup = count == 4 ? (uint64_t)number_argument(arguments[3], 0, 100000000, USAGE) : WARMUP;
    static struct reader reader;
    open_reader(&reader, arguments[1]);
    int64_t *samples = allocate(queries, sizeof *samples);

    for (uint64_t query = 0; query < warmup; query++) read_last(&reader, query);
    uint64_t rows = 0;
    for (uint64_t query = 0; query < queries; query++) {
        int64_t began = monotonic_ns();
        rows += read_last(&reader, query);
        samples[query] = monotonic_ns() - began;
    }

    printf("{\"rows\": %" PRIu64 ", \"nanoseconds\": [", rows);
    for (uint64_t query = 0; query < queries; query++) printf("%s%" PRId64, query > 0 ? "," : "", samples[query]);
    puts("]}");
    PQfinish(reader.server);
    return 0;
}
