#define _GNU_SOURCE
#include "platform.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timex.h>

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0x82F63B78u : value >> 1;
        table[i] = value;
    }
}

uint32_t candlewick_crc32c_portable(uint32_t sum, const void *bytes, size_t count) {
    pthread_once(&table_once, fill_table);
    const uint8_t *p = bytes;
    uint32_t crc = ~sum;
    while (count--) crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t sum, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    uint64_t crc = (uint32_t)~sum;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    if (count >= 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        rest = _mm_crc32_u32(rest, word);
        count -= 4;
        p += 4;
    }
    while (count--) rest = _mm_crc32_u8(rest, *p++);
    return ~rest;
}
uint32_t candlewick_crc32c(uint32_t sum, const void *bytes, size_t count) {
    if (__builtin_expect(__builtin_cpu_supports("sse4.2"), 1)) return crc32c_sse42(sum, bytes, count);
    return candlewick_crc32c_portable(sum, bytes, count);
}
#else
uint32_t candlewick_crc32c(uint32_t sum, const void *bytes, size_t count) {
    return candlewick_crc32c_portable(sum, bytes, count);
}
#endif

int candlewick_stop_descriptor(void) {
    signal(SIGPIPE, SIG_IGN);
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    int failure = pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (failure) return -failure;
    int descriptor = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int candlewick_wake_descriptor(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void candlewick_wake(int descriptor) { eventfd_write(descriptor, 1); }

int candlewick_memory_file(void) {
    int descriptor = memfd_create("candlewick", MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int candlewick_clock_is_kept(void) {
    struct timex state = {0};
    return adjtimex(&state) != TIME_ERROR;
}
