// limit-chain ingest HOST PORT ENDPOINT JOURNAL_FILE
// limit-chain fold ENDPOINT [COUNT]
//
// From the socket to the candle in two processes: how many ticks a second, and how late each tick is. Start the feed,
// then both in any order: nothing is asked for before the fold listens.
#include "limit.h"

#include "chain.h"

#define USAGE "limit-chain ingest HOST PORT ENDPOINT JOURNAL_FILE | limit-chain fold ENDPOINT [COUNT]"

int main(int count, char **arguments) {
    stop_on_signals();
    if (count == 6 && strcmp(arguments[1], "ingest") == 0) {
        run_ingest(arguments[2], arguments[3], arguments[4], arguments[5]);
    } else if ((count == 3 || count == 4) && strcmp(arguments[1], "fold") == 0) {
        run_fold(arguments[2], count == 4 ? (uint64_t)number_argument(arguments[3], 1, INT64_MAX, USAGE) : UINT64_MAX);
    } else {
        usage(USAGE);
    }
    return 0;
}
