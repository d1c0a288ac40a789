/* print_segment.c: prints a journal segment, a line a record. For 64-bit little-endian machines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct header { char magic[8]; uint32_t version, record_size; uint64_t first_position; uint8_t reserved[36]; uint32_t crc32c; };
struct tick {
    char kind[4], pair[12];
    uint64_t position;
    int64_t broker_time, receive_time, bid, ask;
    uint32_t flags, crc32c;
};
struct ohlc { int64_t open, high, low, close; };
struct candle {
    char kind[4], pair[12];
    uint64_t position;
    int64_t start;
    uint32_t timeframe, flags;
    struct ohlc bid, ask, mid;
    int64_t first_tick_time, last_tick_time;
    uint32_t tick_count, blind_milliseconds, lost_updates;
    uint8_t source, input_stream;
    uint16_t revision;
    uint64_t input_position;
    int64_t publish_time;
    uint32_t inverted_ticks, crc32c;
};
_Static_assert(sizeof(struct header) == 64 && sizeof(struct tick) == 64 && sizeof(struct candle) == 192, "no padding");

static uint32_t crc32c(const uint8_t *bytes, size_t count) {
    uint32_t crc = 0xFFFFFFFF;
    while (count--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return ~crc;
}

static int is_whole(const void *record, size_t size) {
    uint32_t stored;
    memcpy(&stored, (const uint8_t *)record + size - 4, 4);
    return crc32c(record, size - 4) == stored;
}

static void print(const void *record, size_t size) {
    struct tick tick;
    struct candle candle;
    if (size == sizeof tick) {
        memcpy(&tick, record, size);
        printf("%" PRIu64 " %.4s %.12s %" PRId64 " bid %" PRId64 " ask %" PRId64 " flags %" PRIu32 "\n", tick.position,
               tick.kind, tick.pair, tick.broker_time, tick.bid, tick.ask, tick.flags);
    } else {
        memcpy(&candle, record, size);
        printf("%" PRIu64 " %.4s %.12s %" PRIu32 " %" PRId64 " mid %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " ticks %" PRIu32
               " flags %" PRIu32 "\n", candle.position, candle.kind, candle.pair, candle.timeframe, candle.start,
               candle.mid.open, candle.mid.high, candle.mid.low, candle.mid.close, candle.tick_count, candle.flags);
    }
}

int main(int count, char **arguments) {
    struct header header;
    uint8_t record[192];
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (!file || fread(&header, sizeof header, 1, file) != 1 || memcmp(header.magic, "CWJOURNL", 8) != 0 ||
        header.version != 1 || !is_whole(&header, sizeof header) ||
        (header.record_size != sizeof(struct tick) && header.record_size != sizeof(struct candle))) {
        fprintf(stderr, "usage: print_segment SEGMENT, a journal segment of version 1\n");
        return 65;
    }
    for (uint64_t expected = header.first_position; fread(record, header.record_size, 1, file) == 1; expected++) {
        uint64_t position;
        memcpy(&position, record + 16, 8);
        if (is_whole(record, header.record_size) && position == expected) print(record, header.record_size);
    }
    return 0;
}
