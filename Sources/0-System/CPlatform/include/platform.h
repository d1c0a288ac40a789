#pragma once
#include <stddef.h>
#include <stdint.h>

#include "peer_gate.h"
#include "screen.h"

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final XOR 0xFFFFFFFF), the
/// checksum of iSCSI (RFC 3720 § B.4). `sum` is that of the bytes before these, 0 before the first. Uses the
/// processor's instruction if it has one.
uint32_t candlewick_crc32c(uint32_t sum, const void *bytes, size_t count);

/// The same by table, for processors without the instruction; both give equal results.
uint32_t candlewick_crc32c_portable(uint32_t sum, const void *bytes, size_t count);

/// Blocks SIGTERM and SIGINT for the whole process (call it before any thread starts), ignores
/// SIGPIPE, and returns a descriptor that becomes readable when one of the two arrives, or -errno.
/// With `hears_hangup` SIGHUP counts too, unless it is ignored, as nohup(1) does.
int candlewick_stop_descriptor(int hears_hangup);

/// A descriptor that is readable while one of the sources is, or one of the pipes has lost its last writer; or -errno.
int candlewick_any_descriptor(const int *sources, size_t source_count, const int *pipes, size_t pipe_count);

/// Starts the program of a path in a session of its own, with /dev/null as input and these descriptors as output and
/// errors. The kernel kills it when the thread that called this ends, however that happens. Its id, or -errno.
int candlewick_start(const char *path, char *const arguments[], char *const variables[], int output, int errors);

/// A descriptor that becomes readable after candlewick_wake(), for ending a poll(2) early; or -errno.
int candlewick_wake_descriptor(void);
void candlewick_wake(int descriptor);

/// 1 where the kernel says that something keeps its clock right, else 0.
int candlewick_clock_is_kept(void);

/// A new unnamed file in memory, closed in programs that this one starts; a descriptor, or -errno.
int candlewick_memory_file(void);
