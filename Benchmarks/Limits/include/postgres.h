// libpq with failures that end the program.
#pragma once
#include "limit.h"

#include <endian.h>
#include <postgresql/libpq-fe.h>

static inline PGconn *open_server(const char *uri) {
    PGconn *server = PQconnectdb(uri);
    if (PQstatus(server) != CONNECTION_OK) fail("cannot open %s: %s", uri, PQerrorMessage(server));
    return server;
}

/// The result of a statement that must not fail; the caller clears it.
static inline PGresult *checked(PGconn *server, PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN: return result;
    default: fail("the server refuses: %s", PQerrorMessage(server));
    }
}

/// Executes statements without parameters.
static inline void execute(PGconn *server, const char *statements) {
    PQclear(checked(server, PQexec(server, statements)));
}

static inline void prepare(PGconn *server, const char *name, const char *statement) {
    PQclear(checked(server, PQprepare(server, name, statement, 0, NULL)));
}

/// Executes a prepared statement with texts as parameters; rows come in the binary format.
static inline PGresult *ask(PGconn *server, const char *name, int count, const char *const *values) {
    return checked(server, PQexecPrepared(server, name, count, values, NULL, NULL, 1));
}

/// A column of type bigint.
static inline int64_t number(const PGresult *result, int row, int column) {
    uint64_t bytes;
    memcpy(&bytes, PQgetvalue(result, row, column), sizeof bytes);
    return (int64_t)be64toh(bytes);
}
