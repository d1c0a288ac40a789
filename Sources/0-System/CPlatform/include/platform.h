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
int candlewick_stop_descriptor(void);

/// A descriptor that becomes readable after candlewick_wake(), for ending a poll(2) early; or -errno.
int candlewick_wake_descriptor(void);
void candlewick_wake(int descriptor);

/// 1 where the kernel says that something keeps its clock right, else 0.
int candlewick_clock_is_kept(void);

/// A new unnamed file in memory, closed in programs that this one starts; a descriptor, or -errno.
int candlewick_memory_file(void);
