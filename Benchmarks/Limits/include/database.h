// SQLite with failures that end the program.
#pragma once
#include "limit.h"

#include <sqlite3.h>

_Noreturn static inline void database_fail(sqlite3 *database, const char *operation) {
    fail("cannot %s the database: %s", operation, sqlite3_errmsg(database));
}

static inline sqlite3 *open_database(const char *path, int flags) {
    sqlite3 *database;
    if (sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        fail("cannot open %s: %s", path, sqlite3_errmsg(database));
    }
    return database;
}

static inline void execute(sqlite3 *database, const char *statements) {
    if (sqlite3_exec(database, statements, NULL, NULL, NULL) != SQLITE_OK) database_fail(database, "change");
}

static inline sqlite3_stmt *prepare(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        database_fail(database, "ask");
    }
    return statement;
}

/// Steps to the next row. False behind the last one: the statement is ready for the next run then.
static inline bool step(sqlite3 *database, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_fail(database, "use");
    sqlite3_reset(statement);
    return false;
}

/// Runs a statement that has no rows.
static inline void run(sqlite3 *database, sqlite3_stmt *statement) {
    while (step(database, statement)) {}
}

/// The number that a query of one row and one column gives.
static inline int64_t only_number(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement = prepare(database, text);
    int64_t number = step(database, statement) ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return number;
}
