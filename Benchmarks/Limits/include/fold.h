// Folds the ticks stream into candles of 5 and 15 minutes, bid, ask and mid.
//
// An interval closes when feed time, the newest of tick and clock times, reaches its end plus the grace. Until then
// it takes ticks, so at most two of a pair and timeframe are open: the present one and the one before.
#pragma once
#include "pair_table.h"

enum { TIMEFRAMES = 2 };
static const int64_t timeframe_ns[TIMEFRAMES] = {300 * NS_PER_SECOND, 900 * NS_PER_SECOND};

#define GRACE_NS (2 * NS_PER_SECOND)
/// 2200: up to it, interval arithmetic stays within 64 bits.
#define TIME_END INT64_C(7258118400000000000)
/// No tick's time lies within a timeframe of it.
#define NOT_OPEN INT64_MAX

struct open_candle {
    /// ns since 1970, or NOT_OPEN. Two cache lines hold a candle.
    _Alignas(64) int64_t start;
    int64_t first_time, last_time;
    /// Mid is kept as bid + ask and halved at the end.
    struct prices bid, ask, sum;
    uint32_t tick_count;
    uint32_t inverted_ticks;
};

struct fold {
    struct pair_table pairs;
    struct open_candle present[PAIRS_MAX][TIMEFRAMES];
    struct open_candle former[PAIRS_MAX][TIMEFRAMES];
    int64_t feed_time;
    /// The earliest feed time at which something closes.
    int64_t next_close;

    /// Position of the last record.
    uint64_t position;
    /// How often positions were not contiguous.
    uint64_t gaps;
    uint64_t blind_stretches;
    bool is_blind;

    uint64_t ticks;
    /// Ticks that no candle takes: without a side, told again, of an impossible time, or after their interval closed.
    uint64_t left_out;
    uint64_t late;

    uint64_t candles;
    uint64_t checksum;
};

static inline void fold_begin(struct fold *fold) {
    memset(fold, 0, sizeof *fold);
    fold->next_close = INT64_MAX;
    for (int pair = 0; pair < PAIRS_MAX; pair++) {
        for (int frame = 0; frame < TIMEFRAMES; frame++) {
            fold->present[pair][frame].start = NOT_OPEN;
            fold->former[pair][frame].start = NOT_OPEN;
        }
    }
}

// MARK: Candles

/// Prices are whatever a record holds: their sum wraps instead of overflowing.
static inline int64_t wrapped_sum(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

/// What a candle takes of a tick.
struct quote {
    int64_t time, bid, ask, sum;
};

static inline struct open_candle one_tick(int64_t start, struct quote quote) {
    return (struct open_candle){
        .start = start,
        .first_time = quote.time,
        .last_time = quote.time,
        .bid = {quote.bid, quote.bid, quote.bid, quote.bid},
        .ask = {quote.ask, quote.ask, quote.ask, quote.ask},
        .sum = {quote.sum, quote.sum, quote.sum, quote.sum},
        .tick_count = 1,
        .inverted_ticks = quote.ask < quote.bid,
    };
}

static inline void widen(struct prices *side, int64_t price) {
    if (price > side->high) side->high = price;
    if (price < side->low) side->low = price;
}

/// Open and close are the first and the last tick by time, whatever the order in which they come.
static inline void candle_take(struct open_candle *candle, struct quote quote) {
    if (quote.time >= candle->last_time) {
        candle->last_time = quote.time;
        candle->bid.close = quote.bid;
        candle->ask.close = quote.ask;
        candle->sum.close = quote.sum;
    } else if (quote.time < candle->first_time) {
        candle->first_time = quote.time;
        candle->bid.open = quote.bid;
        candle->ask.open = quote.ask;
        candle->sum.open = quote.sum;
    }
    widen(&candle->bid, quote.bid);
    widen(&candle->ask, quote.ask);
    widen(&candle->sum, quote.sum);
    candle->tick_count++;
    candle->inverted_ticks += quote.ask < quote.bid;
}

// MARK: Closing

static inline void fold_close(struct fold *fold, struct open_candle *candle) {
    fold->candles++;
    fold->checksum += (uint64_t)candle->bid.close + (uint64_t)candle->ask.high + (uint64_t)(candle->sum.low / 2) +
                      candle->tick_count;
    candle->start = NOT_OPEN;
}

static inline void fold_close_if_due(struct fold *fold, struct open_candle *candle, int frame) {
    if (candle->start == NOT_OPEN) return;
    int64_t closes = candle->start + timeframe_ns[frame] + GRACE_NS;
    if (closes <= fold->feed_time) {
        fold_close(fold, candle);
    } else if (closes < fold->next_close) {
        fold->next_close = closes;
    }
}

RARELY static void fold_close_due(struct fold *fold) {
    fold->next_close = INT64_MAX;
    for (int pair = 0; pair < fold->pairs.count; pair++) {
        for (int frame = 0; frame < TIMEFRAMES; frame++) {
            fold_close_if_due(fold, &fold->former[pair][frame], frame);
            fold_close_if_due(fold, &fold->present[pair][frame], frame);
        }
    }
}

/// Closes what is open: the input has ended.
static inline void fold_end(struct fold *fold) {
    fold->feed_time = INT64_MAX;
    fold_close_due(fold);
}

static inline void fold_advance(struct fold *fold, int64_t time) {
    if (time <= fold->feed_time) return;
    fold->feed_time = time;
    if (time >= fold->next_close) fold_close_due(fold);
}

// MARK: Records

/// A tick that does not belong to its pair's present candle.
RARELY static void fold_elsewhere(struct fold *fold, int pair, int frame, struct quote quote) {
    int64_t start = quote.time - quote.time % timeframe_ns[frame];
    int64_t closes = start + timeframe_ns[frame] + GRACE_NS;
    if (closes <= fold->feed_time) {
        fold->late++;
        return;
    }
    struct open_candle *present = &fold->present[pair][frame], *former = &fold->former[pair][frame];
    if (present->start == NOT_OPEN || start > present->start) {
        if (present->start != NOT_OPEN) *former = *present;
        *present = one_tick(start, quote);
    } else if (former->start == start) {
        candle_take(former, quote);
    } else {
        *former = one_tick(start, quote);
    }
    if (closes < fold->next_close) fold->next_close = closes;
}

static inline void fold_tick(struct fold *fold, const struct tick_record *tick) {
    if ((uint64_t)tick->broker_time >= (uint64_t)TIME_END) {
        fold->left_out++;
        return;
    }
    fold_advance(fold, tick->broker_time);
    int pair = pair_index(&fold->pairs, record_pair(tick->pair));
    if ((tick->flags & FLAGS_NOT_COUNTED) != 0) {
        fold->left_out++;
        return;
    }
    fold->ticks++;
    struct quote quote = {tick->broker_time, tick->bid, tick->ask, wrapped_sum(tick->bid, tick->ask)};
    for (int frame = 0; frame < TIMEFRAMES; frame++) {
        struct open_candle *present = &fold->present[pair][frame];
        uint64_t since_start = (uint64_t)quote.time - (uint64_t)present->start;
        if (since_start < (uint64_t)timeframe_ns[frame]) {
            candle_take(present, quote);
        } else {
            fold_elsewhere(fold, pair, frame, quote);
        }
    }
}

RARELY static void fold_event(struct fold *fold, const struct tick_record *record) {
    if (record->flags == EVENT_BLIND_BEGAN) {
        if (!fold->is_blind) fold->blind_stretches++;
        fold->is_blind = true;
    } else if (record->flags == EVENT_BLIND_ENDED) {
        fold->is_blind = false;
    }
}

/// Takes the next record of the stream.
static inline void fold_record(struct fold *fold, const struct tick_record *record) {
    if (record->position != fold->position + 1) fold->gaps++;
    fold->position = record->position;
    switch (record->kind) {
    case KIND_TICK: fold_tick(fold, record); break;
    case KIND_CLOCK:
        if ((uint64_t)record->broker_time < (uint64_t)TIME_END) fold_advance(fold, record->broker_time);
        break;
    case KIND_FEED: fold_event(fold, record); break;
    default: break;
    }
}

/// What a fold prints after the count and the seconds: all without a brace at either end.
static inline void print_fold(const struct fold *fold) {
    printf("\"ticks\": %" PRIu64 ", \"candles\": %" PRIu64 ", \"checksum\": %" PRId64, fold->ticks, fold->candles,
           (int64_t)fold->checksum);
    printf(", \"gaps\": %" PRIu64 ", \"blind\": %" PRIu64 ", \"late\": %" PRIu64 ", \"left_out\": %" PRIu64, fold->gaps,
           fold->blind_stretches, fold->late, fold->left_out);
}
