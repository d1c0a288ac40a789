#define _GNU_SOURCE
#include "platform.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

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

int candlewick_stop_descriptor(int hears_hangup) {
    signal(SIGPIPE, SIG_IGN);
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    struct sigaction former;
    if (hears_hangup && sigaction(SIGHUP, NULL, &former) == 0 && former.sa_handler != SIG_IGN) sigaddset(&stops, SIGHUP);
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

static int watch(int set, const int *descriptors, size_t count, uint32_t events) {
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = events};
        if (epoll_ctl(set, EPOLL_CTL_ADD, descriptors[i], &event) < 0) return -1;
    }
    return 0;
}

int candlewick_any_descriptor(const int *sources, size_t source_count, const int *pipes, size_t pipe_count) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) return -errno;
    // EPOLLHUP needs no asking, and what a program writes shall not count.
    if (watch(set, sources, source_count, EPOLLIN) == 0 && watch(set, pipes, pipe_count, 0) == 0) return set;
    int code = errno;
    close(set);
    return -code;
}

// In the new process: only what signal-safety(7) allows.
static void become(const char *path, char *const arguments[], char *const variables[], int output, int errors,
                   pid_t parent, int report) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    int input = open("/dev/null", O_RDONLY);
    sigset_t none;
    sigemptyset(&none);
    const int numbers[] = {SIGPIPE, SIGHUP, SIGINT, SIGXFSZ};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) signal(numbers[i], SIG_DFL);
    if (input >= 0 && dup2(input, 0) >= 0 && dup2(output, 1) >= 0 && dup2(errors, 2) >= 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0) {
        if (input > 2) close(input);
        execve(path, arguments, variables);
    }
    int code = errno;
    if (write(report, &code, sizeof code)) {}
    _exit(127);
}

int candlewick_start(const char *path, char *const arguments[], char *const variables[], int output, int errors) {
    // If it were ignored, as a parent may have left it, no exit code would be kept.
    signal(SIGCHLD, SIG_DFL);
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -errno;
    pid_t parent = getpid(), child = fork();
    if (child == 0) become(path, arguments, variables, output, errors, parent, report[1]);
    int code = child < 0 ? errno : 0;
    close(report[1]);
    // Nothing comes if the program has begun.
    if (child > 0 && read(report[0], &code, sizeof code) > 0) waitpid(child, NULL, 0);
    close(report[0]);
    return code ? -code : child;
}
