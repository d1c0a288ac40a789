// limit-store DATABASE CANDLES.bin BATCH [COUNT]: how many candles a second can be put into a database like the
// product's, so many a transaction. The database must not be there yet.
#include "limit.h"

#include "database.h"
#include "pair_table.h"

#define USAGE "limit-store DATABASE CANDLES.bin BATCH [COUNT]"

enum { FLAG_PARTIAL = 1, TIMEFRAMES_MAX = 64 };

static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = 16777216;"
    "PRAGMA foreign_keys = ON;"
    "CREATE TABLE instrument (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE timeframe (seconds INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE candle ("
    "  instrument_id INTEGER NOT NULL REFERENCES instrument (id),"
    "  timeframe INTEGER NOT NULL REFERENCES timeframe (seconds),"
    "  open_time INTEGER NOT NULL,"
    "  bid_open INTEGER NOT NULL, bid_high INTEGER NOT NULL, bid_low INTEGER NOT NULL, bid_close INTEGER NOT NULL,"
    "  ask_open INTEGER NOT NULL, ask_high INTEGER NOT NULL, ask_low INTEGER NOT NULL, ask_close INTEGER NOT NULL,"
    "  mid_open INTEGER NOT NULL, mid_high INTEGER NOT NULL, mid_low INTEGER NOT NULL, mid_close INTEGER NOT NULL,"
    "  tick_count INTEGER NOT NULL, inverted_ticks INTEGER NOT NULL,"
    "  first_tick_time INTEGER NOT NULL, last_tick_time INTEGER NOT NULL,"
    "  blind_ms INTEGER NOT NULL, lost INTEGER NOT NULL, complete INTEGER NOT NULL, flags INTEGER NOT NULL,"
    "  source INTEGER NOT NULL, rank INTEGER NOT NULL, revision INTEGER NOT NULL, input_position INTEGER NOT NULL,"
    "  publish_time INTEGER NOT NULL, created_at INTEGER NOT NULL, collector_id INTEGER NOT NULL,"
    "  PRIMARY KEY (instrument_id, timeframe, open_time)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE stream_position ("
    "  stream TEXT PRIMARY KEY, position INTEGER NOT NULL, updated_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";

/// A candle of the same source takes the place of one that ranks lower; withdrawn ones (flag 8) go by revision alone.
static const char upsert_candle[] =
    "INSERT INTO candle ("
    "  instrument_id, timeframe, open_time,"
    "  bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,"
    "  mid_open, mid_high, mid_low, mid_close, tick_count, inverted_ticks, first_tick_time, last_tick_time,"
    "  blind_ms, lost, complete, flags, source, rank, revision, input_position, publish_time, created_at, collector_id"
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET"
    "  bid_open = excluded.bid_open, bid_high = excluded.bid_high,"
    "  bid_low = excluded.bid_low, bid_close = excluded.bid_close,"
    "  ask_open = excluded.ask_open, ask_high = excluded.ask_high,"
    "  ask_low = excluded.ask_low, ask_close = excluded.ask_close,"
    "  mid_open = excluded.mid_open, mid_high = excluded.mid_high,"
    "  mid_low = excluded.mid_low, mid_close = excluded.mid_close,"
    "  tick_count = excluded.tick_count, inverted_ticks = excluded.inverted_ticks,"
    "  first_tick_time = excluded.first_tick_time, last_tick_time = excluded.last_tick_time,"
    "  blind_ms = excluded.blind_ms, lost = excluded.lost, complete = excluded.complete, flags = excluded.flags,"
    "  source = excluded.source, rank = excluded.rank, revision = excluded.revision,"
    "  input_position = excluded.input_position, publish_time = excluded.publish_time,"
    "  created_at = excluded.created_at, collector_id = excluded.collector_id "
    "WHERE excluded.source = candle.source AND"
    "  CASE WHEN (excluded.flags | candle.flags) & 8 <> 0 THEN excluded.revision > candle.revision"
    "  ELSE (excluded.rank, excluded.revision) > (candle.rank, candle.revision) END";

static const char upsert_position[] =
    "INSERT INTO stream_position (stream, position, updated_at) VALUES ('candles', ?, ?) "
    "ON CONFLICT (stream) DO UPDATE SET"
    "  position = MAX(position, excluded.position), updated_at = excluded.updated_at";

struct store {
    sqlite3 *database;
    sqlite3_stmt *begin, *commit, *candle, *position, *instrument, *timeframe;
    struct pair_table pairs;
    /// Of each pair's number; 0 for none yet.
    int64_t instrument_ids[PAIRS_MAX];
    uint32_t timeframes[TIMEFRAMES_MAX];
    int timeframe_count;
};

// MARK: Names

static int64_t instrument_id(struct store *store, const struct candle_record *candle) {
    int pair = pair_index(&store->pairs, record_pair(candle->pair));
    if (store->instrument_ids[pair] != 0) return store->instrument_ids[pair];
    int length = (int)strnlen(candle->pair, sizeof candle->pair);
    sqlite3_bind_text(store->instrument, 1, candle->pair, length, SQLITE_TRANSIENT);
    run(store->database, store->instrument);
    return store->instrument_ids[pair] = sqlite3_last_insert_rowid(store->database);
}

static void ensure_timeframe(struct store *store, uint32_t seconds) {
    for (int index = 0; index < store->timeframe_count; index++) {
        if (store->timeframes[index] == seconds) return;
    }
    if (store->timeframe_count == TIMEFRAMES_MAX) fail("more than %d timeframes", TIMEFRAMES_MAX);
    char name[16];
    snprintf(name, sizeof name, "%u", seconds / 60);
    sqlite3_bind_int64(store->timeframe, 1, seconds);
    sqlite3_bind_text(store->timeframe, 2, name, -1, SQLITE_TRANSIENT);
    run(store->database, store->timeframe);
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

static void bind_prices(sqlite3_stmt *statement, int first, const struct prices *prices) {
    sqlite3_bind_int64(statement, first, prices->open);
    sqlite3_bind_int64(statement, first + 1, prices->high);
    sqlite3_bind_int64(statement, first + 2, prices->low);
    sqlite3_bind_int64(statement, first + 3, prices->close);
}

/// Returns whether a row changed.
static bool store_candle(struct store *store, const struct candle_record *candle, int64_t now) {
    sqlite3_stmt *row = store->candle;
    ensure_timeframe(store, candle->timeframe);
    sqlite3_bind_int64(row, 1, instrument_id(store, candle));
    sqlite3_bind_int64(row, 2, candle->timeframe);
    sqlite3_bind_int64(row, 3, candle->start / NS_PER_SECOND);
    bind_prices(row, 4, &candle->bid);
    bind_prices(row, 8, &candle->ask);
    bind_prices(row, 12, &candle->mid);
    sqlite3_bind_int64(row, 16, candle->tick_count);
    sqlite3_bind_int64(row, 17, candle->inverted_ticks);
    sqlite3_bind_int64(row, 18, candle->first_tick_time);
    sqlite3_bind_int64(row, 19, candle->last_tick_time);
    sqlite3_bind_int64(row, 20, candle->blind_milliseconds);
    sqlite3_bind_int64(row, 21, candle->lost_updates);
    sqlite3_bind_int64(row, 22, (candle->flags & FLAG_PARTIAL) == 0);
    sqlite3_bind_int64(row, 23, candle->flags);
    sqlite3_bind_int64(row, 24, candle->source);
    sqlite3_bind_int64(row, 25, rank(candle));
    sqlite3_bind_int64(row, 26, candle->revision);
    sqlite3_bind_int64(row, 27, (int64_t)candle->input_position);
    sqlite3_bind_int64(row, 28, candle->publish_time);
    sqlite3_bind_int64(row, 29, now);
    sqlite3_bind_int64(row, 30, 1);
    run(store->database, row);
    return sqlite3_changes(store->database) > 0;
}

/// Writes candles and the stream's position in one transaction. Returns how many rows changed.
static uint64_t store_batch(struct store *store, const struct candle_record *candles, size_t count) {
    int64_t now = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
    uint64_t changed = 0;
    run(store->database, store->begin);
    for (size_t index = 0; index < count; index++) changed += store_candle(store, &candles[index], now);
    sqlite3_bind_int64(store->position, 1, (int64_t)candles[count - 1].position);
    sqlite3_bind_int64(store->position, 2, now);
    run(store->database, store->position);
    run(store->database, store->commit);
    return changed;
}

// MARK: Input and database

static size_t check_candles(const struct candle_record *candles, struct bytes file, const char *path) {
    size_t count = file.count / sizeof *candles;
    if (count == 0 || file.count % sizeof *candles != 0) fail("%s is no row of whole candles", path);
    for (size_t index = 0; index < count; index++) {
        uint32_t checksum = crc32c(&candles[index], offsetof(struct candle_record, checksum));
        if (candles[index].kind != KIND_CANDLE || candles[index].checksum != checksum) {
            fail("record %zu of %s is no candle", index + 1, path);
        }
    }
    return count;
}

static void open_store(struct store *store, const char *path) {
    if (access(path, F_OK) == 0) fail("%s is there already: name another file", path);
    store->database = open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    execute(store->database, schema);
    store->begin = prepare(store->database, "BEGIN IMMEDIATE");
    store->commit = prepare(store->database, "COMMIT");
    store->candle = prepare(store->database, upsert_candle);
    store->position = prepare(store->database, upsert_position);
    store->instrument = prepare(store->database, "INSERT INTO instrument (name) VALUES (?)");
    store->timeframe = prepare(store->database, "INSERT INTO timeframe (seconds, name) VALUES (?, ?)");
}

static void close_store(struct store *store) {
    sqlite3_stmt *statements[] = {
        store->begin, store->commit, store->candle, store->position, store->instrument, store->timeframe};
    size_t count = sizeof statements / sizeof statements[0];
    for (size_t index = 0; index < count; index++) sqlite3_finalize(statements[index]);
    if (sqlite3_close(store->database) != SQLITE_OK) database_fail(store->database, "close");
}

int main(int count, char **arguments) {
    if (count != 4 && count != 5) usage(USAGE);
    size_t batch = (size_t)number_argument(arguments[3], 1, INT32_MAX, USAGE);
    size_t wanted = count == 5 ? (size_t)number_argument(arguments[4], 1, INT64_MAX, USAGE) : SIZE_MAX;
    struct bytes file = load_file(arguments[2]);
    const struct candle_record *candles = (const struct candle_record *)file.start;
    size_t candle_count = check_candles(candles, file, arguments[2]);
    if (wanted < candle_count) candle_count = wanted;

    static struct store store;
    open_store(&store, arguments[1]);
    uint64_t changed = 0;
    int64_t began = monotonic_ns();
    for (size_t first = 0; first < candle_count; first += batch) {
        size_t left = candle_count - first;
        changed += store_batch(&store, &candles[first], left < batch ? left : batch);
    }
    int64_t ended = monotonic_ns();
    int64_t rows = only_number(store.database, "SELECT COUNT(*) FROM candle");
    close_store(&store);

    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, \"rows\": %" PRId64 "}\n", changed,
           seconds_between(began, ended), rows);
    return 0;
}
