// SPDX-License-Identifier: Apache-2.0
// The machines of a world: processes that start, stop and stand still, disks that forget, rot and
// fill up, clocks that are wrong.
#ifndef SIM_WORLD_HOST_H
#define SIM_WORLD_HOST_H

#include "node/store/disk_memory.h"
#include "node/store/tree.h"
#include "sim/world/sim.h"

enum host_state { HOST_DOWN, HOST_UP, HOST_PAUSED };

enum host_end {
    HOST_KILLED,   // the process alone: what it had written stays, peers see connections close
    HOST_POWER_OFF // the machine: what was not synced is lost or torn, nobody is told
};

enum host_state host_state(const struct sim *sim, uint32_t node);
const struct member *host_member(const struct sim *sim, uint32_t node);

// NULL while the process is down.
struct store *host_store(const struct sim *sim, uint32_t node);
struct node *host_node(const struct sim *sim, uint32_t node);

// How many messages and requests have reached its processes.
uint64_t host_handled(const struct sim *sim, uint32_t node);

// Starts the process. 0, or why the store did not open; the sentence by host_why. Already up: 0.
int host_start(struct sim *sim, uint32_t node);
const char *host_why(const struct sim *sim, uint32_t node);

// Nothing happens when it is down.
void host_stop(struct sim *sim, uint32_t node, enum host_end how);

// As SIGSTOP and SIGCONT: what comes meanwhile waits, and deadlines have passed afterwards.
void host_pause(struct sim *sim, uint32_t node);
void host_resume(struct sim *sim, uint32_t node);

// ---- the disk (medium.c)

// Jobs take so many times as long (1: as ever).
void host_slow_disk(struct sim *sim, uint32_t node, uint32_t factor);

// Nothing is written before then.
void host_stall_disk(struct sim *sim, uint32_t node, uint64_t until_us);

// Room for so many segments more than now are there; 0 extra: full. host_room_disk gives all back.
void host_fill_disk(struct sim *sim, uint32_t node, uint32_t extra);
void host_room_disk(struct sim *sim, uint32_t node);

// The n-th operation from now fails, and with `forever` all behind it. 0: none any more.
void host_fail_disk(struct sim *sim, uint32_t node, uint64_t n, bool forever);

// Flips bits of a record in the tree; false: there is none.
bool host_rot_tree(struct sim *sim, uint32_t node, enum tree_table table, uint64_t draw);

// Flips bits somewhere in the log.
bool host_rot_log(struct sim *sim, uint32_t node, uint64_t draw);

// Keeps an image of what is on stable storage now (an older one goes).
void host_save(struct sim *sim, uint32_t node);

// Puts the image back; the process is down. False: there is none.
bool host_restore(struct sim *sim, uint32_t node);

// A new disk; the process is down.
void host_empty(struct sim *sim, uint32_t node);

// ---- the clock

// The wall clock is so far off from now on.
void host_set_wall(struct sim *sim, uint32_t node, int64_t skew_ms);

#endif
