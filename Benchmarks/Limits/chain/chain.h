// The two programs of the chain.
#pragma once
#include "limit.h"

/// Reads a stream of limit-feed, appends it to a journal file and publishes it.
void run_ingest(const char *host, const char *port, const char *endpoint, const char *journal);

/// Folds what is published: so many ticks, or until a stop is asked for.
void run_fold(const char *endpoint, uint64_t count);
