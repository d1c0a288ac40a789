#define _GNU_SOURCE
#include "screen.h"
#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

// Other screen, cursor hidden, no line wrap; and back.
static const char begin[] = "\033[?1049h\033[?25l\033[?7l", end[] = "\033[?7h\033[?25h\033[?1049l";
static const int deadly[] = {SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGQUIT, SIGSEGV, SIGSYS, SIGTRAP};
#define DEADLY (sizeof deadly / sizeof *deadly)

static struct termios before;
static struct sigaction former[DEADLY], former_stop;
static volatile sig_atomic_t is_taken, has_keys;

// Handlers call these, and candlewick_screen_give_back: only what signal-safety(7) allows.
static void put(const char *text, size_t count) {
    ssize_t written = write(1, text, count);
    (void)written;
}

static void enter(void) {
    if (has_keys) {
        struct termios keys = before;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        keys.c_cc[VMIN] = 1;
        keys.c_cc[VTIME] = 0;
        tcsetattr(0, TCSANOW, &keys);
    }
    put(begin, sizeof begin - 1);
}

static void leave(void) {
    put(end, sizeof end - 1);
    if (has_keys) tcsetattr(0, TCSANOW, &before);
}

static void die(int number) {
    candlewick_screen_give_back();
    raise(number);
}

static void stop(int number) {
    (void)number;
    int kept = errno;
    if (is_taken) leave();
    raise(SIGSTOP);
    if (is_taken) enter();
    errno = kept;
}

void candlewick_screen_take(void) {
    has_keys = tcgetattr(0, &before) == 0;
    is_taken = 1;
    struct sigaction action = {.sa_handler = die};
    for (size_t i = 0; i < DEADLY; i++) sigaction(deadly[i], &action, &former[i]);
    action.sa_handler = stop;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTSTP, &action, &former_stop);
    enter();
}

void candlewick_screen_give_back(void) {
    if (!is_taken) return;
    is_taken = 0;
    leave();
    for (size_t i = 0; i < DEADLY; i++) sigaction(deadly[i], &former[i], NULL);
    sigaction(SIGTSTP, &former_stop, NULL);
}
