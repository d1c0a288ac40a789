#pragma once
#include <sys/types.h>

/// Stops one thread of a child process and leaves its others running. The calling thread must be the one that
/// releases it, and must live until then. Returns 0 or an errno.
int thread_hold(pid_t thread);
/// Lets it go on.
int thread_release(pid_t thread);
