// The records of the ticks and candles streams and their checksum. Source: docs/formats.md §§ 1–3.
#pragma once
#include "limit.h"
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records lie in memory as on the disk");

// MARK: CRC-32C

static inline uint32_t crc32c_plain(const void *bytes, size_t count) {
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t rest = byte;
            for (int bit = 0; bit < 8; bit++) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82F63B78 : 0);
            table[byte] = rest;
        }
    }
    uint32_t state = UINT32_MAX;
    for (const uint8_t *byte = bytes; count > 0; count--, byte++) state = (state >> 8) ^ table[(state ^ *byte) & 0xFF];
    return ~state;
}

#if defined(__x86_64__)
#define BY_INSTRUCTION __attribute__((target("sse4.2")))

BY_INSTRUCTION __attribute__((always_inline)) static inline uint32_t crc32c_inline(const void *bytes, size_t count) {
    const char *rest = bytes;
    uint64_t state = UINT32_MAX;
    for (; count >= sizeof(uint64_t); count -= sizeof(uint64_t), rest += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, rest, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    uint32_t narrow = (uint32_t)state;
    if (count >= sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, rest, sizeof word);
        narrow = _mm_crc32_u32(narrow, word);
        count -= sizeof word;
        rest += sizeof word;
    }
    for (; count > 0; count--, rest++) narrow = _mm_crc32_u8(narrow, (uint8_t)*rest);
    return ~narrow;
}

BY_INSTRUCTION static inline uint32_t crc32c_by_instruction(const void *bytes, size_t count) {
    return crc32c_inline(bytes, count);
}

/// Of the 60 bytes before a tick record's checksum: without a loop.
BY_INSTRUCTION static inline uint32_t crc32c_60_by_instruction(const void *bytes) { return crc32c_inline(bytes, 60); }
#endif

static inline uint32_t crc32c(const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction(bytes, count);
#endif
    return crc32c_plain(bytes, count);
}

static inline uint32_t crc32c_60(const void *bytes) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c_60_by_instruction(bytes);
#endif
    return crc32c_plain(bytes, 60);
}

// MARK: Kinds and pairs

#define KIND(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define KIND_TICK KIND('T', 'I', 'C', 'K')
#define KIND_CLOCK KIND('C', 'L', 'C', 'K')
#define KIND_FEED KIND('F', 'E', 'E', 'D')
#define KIND_CANDLE KIND('C', 'N', 'D', 'L')

/// The 12 bytes of a pair's name.
struct pair {
    uint32_t head;
    uint64_t tail;
};

// MARK: Ticks

enum tick_flag {
    FLAG_DUPLICATE = 4,
    FLAG_BID_MISSING = 8,
    FLAG_ASK_MISSING = 16,
    FLAG_INVERTED = 32,
    FLAGS_NOT_COUNTED = FLAG_DUPLICATE | FLAG_BID_MISSING | FLAG_ASK_MISSING,
};

enum feed_event { EVENT_BLIND_BEGAN = 6, EVENT_BLIND_ENDED = 7 };

struct tick_record {
    uint32_t kind;
    char pair[12];
    uint64_t position;
    int64_t broker_time;
    int64_t receive_time;
    int64_t bid;
    int64_t ask;
    uint32_t flags;
    uint32_t checksum;
};
_Static_assert(sizeof(struct tick_record) == 64, "a record of the ticks stream has 64 bytes");

static inline struct pair record_pair(const char name[12]) {
    struct pair pair;
    memcpy(&pair.head, name, sizeof pair.head);
    memcpy(&pair.tail, name + sizeof pair.head, sizeof pair.tail);
    return pair;
}

_Static_assert(offsetof(struct tick_record, checksum) == 60, "the checksum is of the 60 bytes before it");

static inline uint32_t tick_checksum(const struct tick_record *record) { return crc32c_60(record); }

/// Gives a record its position and its checksum: nothing of it may change afterwards.
static inline void seal(struct tick_record *record, uint64_t position) {
    record->position = position;
    record->checksum = tick_checksum(record);
}

static inline bool is_whole(const struct tick_record *record) { return record->checksum == tick_checksum(record); }

// MARK: Candles

struct prices {
    int64_t open, high, low, close;
};

struct candle_record {
    uint32_t kind;
    char pair[12];
    uint64_t position;
    int64_t start;
    uint32_t timeframe;
    uint32_t flags;
    struct prices bid, ask, mid;
    int64_t first_tick_time;
    int64_t last_tick_time;
    uint32_t tick_count;
    uint32_t blind_milliseconds;
    uint32_t lost_updates;
    uint8_t source;
    uint8_t input_stream;
    uint16_t revision;
    uint64_t input_position;
    int64_t publish_time;
    uint32_t inverted_ticks;
    uint32_t checksum;
};
_Static_assert(sizeof(struct candle_record) == 192, "a record of the candles stream has 192 bytes");

// MARK: Journal

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t record_size;
    uint64_t first_position;
    char reserved[36];
    uint32_t checksum;
};
_Static_assert(sizeof(struct segment_header) == 64, "a segment begins with 64 bytes");

static inline uint32_t header_checksum(const struct segment_header *header) {
    return crc32c(header, offsetof(struct segment_header, checksum));
}

static inline struct segment_header segment_header(uint64_t first_position) {
    struct segment_header header = {
        .version = 1, .record_size = sizeof(struct tick_record), .first_position = first_position};
    memcpy(header.magic, "CWJOURNL", sizeof header.magic);
    header.checksum = header_checksum(&header);
    return header;
}
