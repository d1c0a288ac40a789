// Numbers pairs from 0 in the order in which they first come.
#pragma once
#include "records.h"

enum { PAIRS_MAX = 1100, PAIR_SLOTS = 4096 };

struct pair_slot {
    uint64_t tail;
    uint32_t head;
    /// Counted from 1; 0 where the slot is empty.
    uint32_t number;
};

/// Open addressing, at most half full: nearly always one comparison a look-up.
struct pair_table {
    struct pair_slot slots[PAIR_SLOTS];
    struct pair pairs[PAIRS_MAX];
    int count;
};

RARELY static int pair_add(struct pair_table *table, struct pair_slot *slot, struct pair pair) {
    if (table->count == PAIRS_MAX) fail("more than %d pairs", PAIRS_MAX);
    table->pairs[table->count] = pair;
    *slot = (struct pair_slot){pair.tail, pair.head, (uint32_t)++table->count};
    return table->count - 1;
}

/// The pair's number; a new pair gets the next one.
static inline int pair_index(struct pair_table *table, struct pair pair) {
    // The golden ratio's multiplier spreads the letters over the high bits.
    uint64_t mixed = (pair.tail ^ pair.head) * UINT64_C(0x9E3779B97F4A7C15);
    for (size_t place = mixed >> 52;; place = (place + 1) % PAIR_SLOTS) {
        struct pair_slot *slot = &table->slots[place];
        if (slot->tail == pair.tail && slot->head == pair.head && slot->number != 0) return (int)slot->number - 1;
        if (slot->number == 0) return pair_add(table, slot, pair);
    }
}
