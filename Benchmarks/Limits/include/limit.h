// What the limit programs share: arguments, failures, the clock and files. Include it before any other header.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MILLISECOND INT64_C(1000000)

// MARK: Failures and arguments

/// Says why on standard error and ends the program with exit code 1.
__attribute__((format(printf, 1, 2))) _Noreturn static inline void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

/// The failure of a system call on something that has a name.
_Noreturn static inline void fail_errno(const char *operation, const char *subject) {
    fail("cannot %s %s: %s", operation, subject, strerror(errno));
}

/// Ends the program with exit code 64.
_Noreturn static inline void usage(const char *text) {
    fprintf(stderr, "usage: %s\n", text);
    exit(64);
}

/// A whole number of an argument that lies in a range; anything else is a usage error.
static inline int64_t number_argument(const char *text, int64_t least, int64_t most, const char *usage_text) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || value < least || value > most) usage(usage_text);
    return value;
}

// MARK: Time

static inline int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static inline int64_t monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static inline double seconds_between(int64_t from, int64_t until) { return (double)(until - from) / 1e9; }

// MARK: Stopping

/// Weak, so that all files of a program have the same one.
__attribute__((weak)) volatile sig_atomic_t is_stopping;

static inline void note_stop(int signal) {
    (void)signal;
    is_stopping = 1;
}

/// SIGTERM and SIGINT set `is_stopping` and interrupt what waits.
static inline void stop_on_signals(void) {
    struct sigaction action = {.sa_handler = note_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

// MARK: Memory and files

static inline void *allocate(size_t count, size_t size) {
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) fail("out of memory");
    return memory;
}

struct bytes {
    char *start;
    size_t count;
};

static inline struct bytes load_file(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail_errno("open", path);
    struct stat status;
    if (fstat(file, &status) != 0) fail_errno("read", path);
    struct bytes content = {malloc((size_t)status.st_size + 1), 0};
    if (content.start == NULL) fail("out of memory for %s", path);
    while (content.count < (size_t)status.st_size) {
        ssize_t count = read(file, content.start + content.count, (size_t)status.st_size - content.count);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno("read", path);
        if (count == 0) break;
        content.count += (size_t)count;
    }
    close(file);
    return content;
}

static inline void write_all(int file, const void *bytes, size_t count, const char *path) {
    const char *rest = bytes;
    while (count > 0) {
        ssize_t written = write(file, rest, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail_errno("write", path);
        rest += written;
        count -= (size_t)written;
    }
}

/// What happens rarely stays out of the way of what happens always.
#define RARELY __attribute__((noinline, cold))

/// Keeps the compiler from leaving out what was written to memory that nobody reads.
static inline void keep(void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }
