// Lines of a Lightstreamer server (TLCP): update lines of tick items into tick records.
#pragma once
#include "records.h"
#include "text.h"

static inline bool is_update(struct text line) { return line.count >= 2 && memcmp(line.start, "U,", 2) == 0; }

// MARK: Numbers

/// Reads digits as far as they go; the value wraps where there are more than 19.
static inline const char *read_digits(const char *at, const char *end, uint64_t *value) {
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9) break;
        *value = *value * 10 + digit;
    }
    return at;
}

/// Reads a whole number of at most so many digits. NULL where there is none.
static inline const char *read_whole(const char *at, const char *end, ptrdiff_t digits_max, uint64_t *value) {
    *value = 0;
    const char *behind = read_digits(at, end, value);
    return behind == at || behind - at > digits_max ? NULL : behind;
}

/// Reads a number and the comma behind it, as the arguments of a line have it. NULL where there is none.
static inline const char *read_argument(const char *at, const char *end, uint64_t *value) {
    at = read_whole(at, end, 9, value);
    return at == NULL || at == end || *at != ',' ? NULL : at + 1;
}

/// Reads a decimal as units of 1e-9: at most 9 digits on each side of the point. NULL where it is no price.
static inline const char *read_price(const char *at, const char *end, int64_t *units) {
    static const uint64_t powers[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
    uint64_t value = 0;
    const char *point = read_digits(at, end, &value);
    const char *behind = point;
    ptrdiff_t decimals = 0;
    if (point < end && *point == '.') {
        behind = read_digits(point + 1, end, &value);
        decimals = behind - point - 1;
    }
    if (point - at > 9 || decimals > 9 || value == 0) return NULL;
    *units = (int64_t)(value * powers[decimals]);
    return behind;
}

/// Whether 8 bytes are digits, and the number that they are: neighbours are added up in pairs, thrice.
static inline bool read_8_digits(const char *at, uint64_t *value) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t digits = word - UINT64_C(0x3030303030303030);
    if (((digits | (word + UINT64_C(0x4646464646464646))) & UINT64_C(0x8080808080808080)) != 0) return false;
    digits = digits * 10 + (digits >> 8);
    digits = (digits & UINT64_C(0x00FF00FF00FF00FF)) * 100 + (digits >> 16 & UINT64_C(0x00FF00FF00FF00FF));
    digits = (digits & UINT64_C(0x0000FFFF0000FFFF)) * 10000 + (digits >> 32 & UINT64_C(0x0000FFFF0000FFFF));
    *value = digits & UINT32_MAX;
    return true;
}

/// Reads milliseconds since 1970, of the years 2000 to 2099, as nanoseconds. NULL where it is no such time.
static inline const char *read_time(const char *at, const char *end, int64_t *time) {
    uint64_t millis = 0;
    const char *behind = end - at >= 8 && read_8_digits(at, &millis) ? at + 8 : at;
    behind = read_digits(behind, end, &millis);
    if (behind - at > 15 || millis < UINT64_C(946684800000) || millis >= UINT64_C(4102444800000)) return NULL;
    *time = (int64_t)millis * NS_PER_MILLISECOND;
    return behind;
}

// MARK: Updates

enum field { FIELD_BID, FIELD_ASK, FIELD_TIME, FIELDS };

/// The last values of one tick item, to which its updates refer.
struct subscription {
    int64_t values[FIELDS];
    /// Bits of fields that are null, and of fields with a value that is no price or no time.
    uint8_t nulls, unusable;
    /// A first update came and was understood.
    bool is_known;
    char pair[12];
};

enum {
    /// Subscription 1 is the heartbeat; tick items follow.
    HEARTBEAT_SUBSCRIPTION = 1,
    FIRST_TICK_SUBSCRIPTION = 2,
    SUBSCRIPTIONS_MAX = 1100,
};

static inline void mark(struct subscription *item, uint8_t bit, bool is_null, bool is_unusable) {
    item->nulls = (uint8_t)(is_null ? item->nulls | bit : item->nulls & ~bit);
    item->unusable = (uint8_t)(is_unusable ? item->unusable | bit : item->unusable & ~bit);
}

/// Takes one token that is a value. Returns where it ends.
static inline const char *take_value(struct subscription *item, unsigned field, const char *at, const char *end) {
    int64_t *value = &item->values[field];
    const char *behind = field == FIELD_TIME ? read_time(at, end, value) : read_price(at, end, value);
    uint8_t bit = (uint8_t)(1 << field);
    if (behind != NULL && (behind == end || *behind == '|')) {
        if ((item->nulls | item->unusable) != 0) mark(item, bit, false, false);
        return behind;
    }
    const char *separator = memchr(at, '|', (size_t)(end - at));
    behind = separator != NULL ? separator : end;
    bool is_null = behind - at == 1 && *at == '#';
    mark(item, bit, is_null, !is_null);
    return behind;
}

/// Takes `^` and how many fields are unchanged. Differences of values (`^P`, `^T`) are never asked for.
static inline const char *skip_fields(const char *at, const char *end, unsigned *field) {
    uint64_t run;
    at = read_whole(at + 1, end, 9, &run);
    if (at == NULL || run == 0 || run > FIELDS - *field) return NULL;
    *field += (unsigned)run;
    return at;
}

/// Takes the values of an update. False where it is malformed: what the item's values are is not sure then.
static inline bool take_values(struct subscription *item, const char *at, const char *end) {
    for (unsigned field = 0;; at++) {
        if (field == FIELDS) return false;
        if (at == end || *at == '|') {
            if (!item->is_known) return false;
            field++;
        } else if (*at == '^') {
            at = item->is_known ? skip_fields(at, end, &field) : NULL;
            if (at == NULL) return false;
        } else {
            at = take_value(item, field, at, end);
            field++;
        }
        if (at == end) return field == FIELDS;
        if (*at != '|') return false;
    }
}

/// Makes the tick of an item's values. False where it has no price or no place in time.
static inline bool make_tick(const struct subscription *item, int64_t receive_time, struct tick_record *tick) {
    if (item->unusable != 0 || (item->nulls & 1 << FIELD_TIME) != 0) return false;
    int64_t bid = item->values[FIELD_BID], ask = item->values[FIELD_ASK];
    uint32_t flags = ask < bid ? FLAG_INVERTED : 0;
    if (item->nulls != 0) {
        bool has_bid = (item->nulls & 1 << FIELD_BID) == 0, has_ask = (item->nulls & 1 << FIELD_ASK) == 0;
        bid = has_bid ? bid : 0;
        ask = has_ask ? ask : 0;
        flags = (has_bid ? 0 : FLAG_BID_MISSING) | (has_ask ? 0 : FLAG_ASK_MISSING);
    }
    tick->kind = KIND_TICK;
    memcpy(tick->pair, item->pair, sizeof tick->pair);
    tick->broker_time = item->values[FIELD_TIME];
    tick->receive_time = receive_time;
    tick->bid = bid;
    tick->ask = ask;
    tick->flags = flags;
    return true;
}

/// Reads an update line of a tick item into a record that still lacks position and checksum. False where the line is
/// none, or has nothing that could be a tick.
static inline bool read_tick(
    struct subscription items[SUBSCRIPTIONS_MAX], struct text line, int64_t receive_time, struct tick_record *tick) {
    if (!is_update(line)) return false;
    const char *end = line.start + line.count;
    uint64_t number, place;
    const char *at = read_argument(line.start + 2, end, &number);
    if (at == NULL || number < FIRST_TICK_SUBSCRIPTION || number >= SUBSCRIPTIONS_MAX) return false;
    at = read_argument(at, end, &place);
    if (at == NULL || place != 1) return false;
    struct subscription *item = &items[number];
    item->is_known = take_values(item, at, end);
    return item->is_known && make_tick(item, receive_time, tick);
}

// MARK: Pairs

enum { CROSSES = 28 };

/// The name of a cross of the eight currencies, in market convention and order.
static inline void name_cross(int index, char name[12]) {
    static const char currencies[8][4] = {"EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY"};
    int base = 0;
    for (int quotes = 7; index >= quotes; quotes--) {
        index -= quotes;
        base++;
    }
    memset(name, 0, 12);
    memcpy(name, currencies[base], 3);
    name[3] = '_';
    memcpy(name + 4, currencies[base + 1 + index], 3);
}

/// Names the tick items: the crosses in their order, and numbers for what is beyond them.
static inline void name_subscriptions(struct subscription items[SUBSCRIPTIONS_MAX]) {
    for (int index = 0; index < SUBSCRIPTIONS_MAX - FIRST_TICK_SUBSCRIPTION; index++) {
        char *pair = items[FIRST_TICK_SUBSCRIPTION + index].pair;
        if (index < CROSSES) {
            name_cross(index, pair);
        } else {
            snprintf(pair, 12, "PAIR_%d", index);
        }
    }
}
