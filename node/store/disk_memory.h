// SPDX-License-Identifier: Apache-2.0
// A disk in memory for tests and the simulator: deterministic, and able to fail in every way that a
// real one does. Jobs are done when disk_memory_complete says so, or at once in `eager` mode.
#ifndef NODE_STORE_DISK_MEMORY_H
#define NODE_STORE_DISK_MEMORY_H

#include "node/store/disk.h"

// Eager at first. `seed` decides what a crash tears. Never NULL; freed by its `close` call.
struct disk *disk_memory_new(uint64_t segment_size, uint64_t seed);

// Not eager: jobs wait for disk_memory_complete.
void disk_memory_eager(struct disk *disk, bool eager);

// Does up to `jobs` waiting jobs, oldest first; returns how many. `wait` does one of them too.
uint32_t disk_memory_complete(struct disk *disk, uint32_t jobs);

// How many jobs wait.
uint32_t disk_memory_waiting(const struct disk *disk);

// What becomes of bytes that were written (or were about to be) but not synced.
enum disk_crash {
    DISK_CRASH_LOSE, // all are lost
    DISK_CRASH_KEEP, // all written ones stay (the process died, not the machine)
    DISK_CRASH_CUT,  // they stay up to some byte, across writes in order
    DISK_CRASH_TEAR, // each 512-byte sector stays or not, in any order
};

// The power goes: waiting jobs are forgotten (a waiting write may have begun), done ones not yet
// polled too. Called before store_abandon, which else waits for the jobs.
void disk_memory_crash(struct disk *disk, enum disk_crash how);

// The n-th operation from now (1: the next) fails with `err` (ERR_IO or ERR_DISK_FULL), and all
// behind it if `forever`. 0: none fails. A write that fails leaves a prefix of its bytes behind.
void disk_memory_fail(struct disk *disk, uint64_t n, int err, bool forever);

// How many operations there were.
uint64_t disk_memory_operations(const struct disk *disk);

// Room for so many segments (and the ballast, which counts as one); beyond it preparing fails with
// ERR_DISK_FULL. 0: no limit.
void disk_memory_limit(struct disk *disk, uint32_t segments);

// Changes bits of a segment, synced or not: a damaged disk.
void disk_memory_flip(struct disk *disk, uint64_t segment, uint64_t offset, uint8_t mask);

// A new disk with what is on stable storage of this one: what a copy made now would hold if the
// power had gone. Waiting jobs are not in it. Freed by its own `close`.
struct disk *disk_memory_clone(const struct disk *disk, uint64_t seed);

// Some byte of some segment, by a random number. False: there are no segments.
bool disk_memory_pick(const struct disk *disk, uint64_t draw, uint64_t *segment, uint64_t *offset);

#endif
