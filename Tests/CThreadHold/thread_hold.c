#define _GNU_SOURCE
#include "thread_hold.h"
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int thread_hold(pid_t thread) {
    int status;
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0) return errno;
    if (ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) return errno;
    return waitpid(thread, &status, __WALL) == thread ? 0 : errno;
}

int thread_release(pid_t thread) { return ptrace(PTRACE_DETACH, thread, 0, 0) == 0 ? 0 : errno; }
