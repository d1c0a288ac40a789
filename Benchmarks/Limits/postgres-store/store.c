// limit-postgres-store URI CANDLES.bin BATCH: how many candles a second can be put on a PostgreSQL server, so many a
// transaction: COPY into a temporary table, one INSERT from it, the position, COMMIT. The database must be empty.
#include "limit.h"

#include "pair_table.h"
#include "postgres.h"

#define USAGE "limit-postgres-store URI CANDLES.bin BATCH"

enum { FLAG_PARTIAL = 1, TIMEFRAMES_MAX = 64, COLUMNS = 30, ROW_BYTES = 2 + COLUMNS * 12 };

#define VALUES                                                                                                         \
    "bid_open", "bid_high", "bid_low", "bid_close", "ask_open", "ask_high", "ask_low", "ask_close", "mid_open",        \
        "mid_high", "mid_low", "mid_close", "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time",       \
        "blind_ms", "lost", "complete", "flags", "source", "rank", "revision", "input_position", "publish_time",       \
        "created_at", "collector_id"

static const char *const columns[COLUMNS] = {"instrument_id", "timeframe", "open_time", VALUES};

struct store {
    PGconn *server;
    struct pair_table pairs;
    int64_t instrument_ids[PAIRS_MAX];
    uint32_t timeframes[TIMEFRAMES_MAX];
    int timeframe_count;
    /// A batch in the binary format of COPY.
    char *copy;
};

// MARK: Names

static int64_t instrument_id(struct store *store, const struct candle_record *candle) {
    int pair = pair_index(&store->pairs, record_pair(candle->pair));
    if (store->instrument_ids[pair] != 0) return store->instrument_ids[pair];
    char name[13] = {0};
    memcpy(name, candle->pair, sizeof candle->pair);
    const char *values[] = {name};
    PGresult *row = ask(store->server, "instrument", 1, values);
    store->instrument_ids[pair] = number(row, 0, 0);
    PQclear(row);
    return store->instrument_ids[pair];
}

static void ensure_timeframe(struct store *store, uint32_t seconds) {
    for (int index = 0; index < store->timeframe_count; index++) {
        if (store->timeframes[index] == seconds) return;
    }
    if (store->timeframe_count == TIMEFRAMES_MAX) fail("more than %d timeframes", TIMEFRAMES_MAX);
    char text[16], name[16];
    snprintf(text, sizeof text, "%u", seconds);
    snprintf(name, sizeof name, "%u", seconds / 60);
    const char *values[] = {text, name};
    PQclear(ask(store->server, "timeframe", 2, values));
    store->timeframes[store->timeframe_count++] = seconds;
}

// MARK: Candles

/// Whole streamed ones come first, then bought, derived and imported ones, then partial streamed ones.
static int64_t rank(const struct candle_record *candle) {
    switch (candle->source) {
    case 1: return (candle->flags & FLAG_PARTIAL) != 0 ? 1 : 5;
    case 2: return 4;
    case 3: return 3;
    case 4: return 2;
    default: return 0;
    }
}

/// Appends a row to a batch. Returns its end.
static char *append(struct store *store, char *at, const struct candle_record *candle, int64_t now) {
    ensure_timeframe(store, candle->timeframe);
    const struct prices *bid = &candle->bid, *ask = &candle->ask, *mid = &candle->mid;
    int64_t values[COLUMNS] = {
        instrument_id(store, candle), candle->timeframe, candle->start / NS_PER_SECOND,
        bid->open, bid->high, bid->low, bid->close, ask->open, ask->high, ask->low, ask->close,
        mid->open, mid->high, mid->low, mid->close, candle->tick_count, candle->inverted_ticks,
        candle->first_tick_time, candle->last_tick_time, candle->blind_milliseconds, candle->lost_updates,
        (candle->flags & FLAG_PARTIAL) == 0, candle->flags, candle->source, rank(candle), candle->revision,
        (int64_t)candle->input_position, candle->publish_time, now, 1};
    uint16_t count = htobe16(COLUMNS);
    uint32_t length = htobe32(8);
    memcpy(at, &count, sizeof count);
    at += sizeof count;
    for (int index = 0; index < COLUMNS; index++) {
        uint64_t value = htobe64((uint64_t)values[index]);
        memcpy(at, &length, sizeof length);
        memcpy(at + 4, &value, sizeof value);
        at += 12;
    }
    return at;
}

static void copy(struct store *store, const char *end) {
    execute(store->server, "COPY staged FROM STDIN (FORMAT binary)");
    if (PQputCopyData(store->server, store->copy, (int)(end - store->copy)) != 1 ||
        PQputCopyEnd(store->server, NULL) != 1) {
        fail("the server takes no rows: %s", PQerrorMessage(store->server));
    }
    for (PGresult *result; (result = PQgetResult(store->server)) != NULL;) PQclear(checked(store->server, result));
}

/// Writes candles and the stream's position in one transaction. Returns how many rows changed.
static uint64_t store_batch(struct store *store, const struct candle_record *candles, size_t count) {
    int64_t now = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
    execute(store->server, "BEGIN");
    memcpy(store->copy, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    char *end = store->copy + 19;
    for (size_t index = 0; index < count; index++) end = append(store, end, &candles[index], now);
    memset(end, 0xFF, 2);
    copy(store, end + 2);
    PGresult *inserted = ask(store->server, "insert", 0, NULL);
    uint64_t changed = strtoull(PQcmdTuples(inserted), NULL, 10);
    PQclear(inserted);
    char position[24], time[24];
    snprintf(position, sizeof position, "%" PRIu64, candles[count - 1].position);
    snprintf(time, sizeof time, "%" PRId64, now);
    const char *values[] = {position, time};
    PQclear(ask(store->server, "position", 2, values));
    execute(store->server, "COMMIT");
    return changed;
}

// MARK: Database

/// A candle of the same source takes the place of one that ranks lower; withdrawn ones (flag 8) go by revision alone.
static const char rule[] =
    " WHERE excluded.source = candle.source AND"
    "  CASE WHEN (excluded.flags | candle.flags) & 8 <> 0 THEN excluded.revision > candle.revision"
    "  ELSE (excluded.rank, excluded.revision) > (candle.rank, candle.revision) END";

static void make_tables(PGconn *server) {
    char text[4096] = "CREATE TABLE candle (";
    for (int index = 0; index < COLUMNS; index++) {
        strcat(strcat(text, columns[index]), " BIGINT NOT NULL, ");
    }
    strcat(text, "PRIMARY KEY (instrument_id, timeframe, open_time))");
    execute(server,
        "SET client_min_messages = warning;"
        "CREATE TABLE instrument (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
        "CREATE TABLE timeframe (seconds BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
        "CREATE TABLE stream_position (stream TEXT PRIMARY KEY, position BIGINT NOT NULL, updated_at BIGINT NOT NULL)");
    execute(server, text);
    execute(server,
        "ALTER TABLE candle ADD FOREIGN KEY (instrument_id) REFERENCES instrument,"
        " ADD FOREIGN KEY (timeframe) REFERENCES timeframe;"
        "CREATE TEMPORARY TABLE staged (LIKE candle) ON COMMIT DELETE ROWS");
}

static void prepare_statements(PGconn *server) {
    char text[4096] = "INSERT INTO candle SELECT * FROM staged ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET ";
    for (int index = 3; index < COLUMNS; index++) {
        strcat(strcat(strcat(text, columns[index]), " = excluded."), columns[index]);
        if (index < COLUMNS - 1) strcat(text, ", ");
    }
    prepare(server, "insert", strcat(text, rule));
    prepare(server, "position",
        "INSERT INTO stream_position VALUES ('candles', $1, $2) ON CONFLICT (stream) DO UPDATE SET"
        " position = GREATEST(stream_position.position, excluded.position), updated_at = excluded.updated_at");
    prepare(server, "instrument", "INSERT INTO instrument (name) VALUES ($1) RETURNING id");
    prepare(server, "timeframe", "INSERT INTO timeframe VALUES ($1, $2)");
}

int main(int count, char **arguments) {
    if (count != 4) usage(USAGE);
    size_t batch = (size_t)number_argument(arguments[3], 1, 1000000, USAGE);
    struct bytes file = load_file(arguments[2]);
    const struct candle_record *candles = (const struct candle_record *)file.start;
    size_t candle_count = file.count / sizeof *candles;
    if (candle_count == 0) fail("%s has no candles", arguments[2]);

    static struct store store;
    store.server = open_server(arguments[1]);
    make_tables(store.server);
    prepare_statements(store.server);
    store.copy = allocate(batch + 1, ROW_BYTES);
    uint64_t changed = 0;
    int64_t began = monotonic_ns();
    for (size_t first = 0; first < candle_count; first += batch) {
        size_t left = candle_count - first;
        changed += store_batch(&store, &candles[first], left < batch ? left : batch);
    }
    int64_t ended = monotonic_ns();
    PQfinish(store.server);
    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f}\n", changed, seconds_between(began, ended));
    return 0;
}
