// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a run, and when: a list that is drawn before the run begins, so that each
// fault has a number, and a run can be repeated without some of them. And the supervisor that
// starts processes again.
//
// Disks are destroyed within limits (a "fault atlas"): only those of one node, the victim, and only
// when every acknowledged write has a copy elsewhere (w of 2 and more; of a majority, because
// rebuilding a damaged record asks one). So whatever is lost is lost by a fault of the store.
#ifndef SIM_CHECK_FAULTS_H
#define SIM_CHECK_FAULTS_H

#include "sim/check/knobs.h"
#include "sim/checker/history.h"
#include "sim/checker/verdict.h"
#include "sim/world/sim.h"

enum { FAULTS_MAX = 4096 };

// Which of the faults of a run happen; all when not given.
struct faults_kept {
    bool given;
    uint8_t bits[FAULTS_MAX / 8];
};

static inline bool fault_is_kept(const struct faults_kept *kept, uint32_t fault)
{
    return !kept->given || kept->bits[fault / 8] >> fault % 8 & 1;
}

struct faults_setup {
    struct sim *sim;
    const struct knobs *knobs;
    uint64_t seed;
    const struct faults_kept *kept;
    struct history *history; // is told of lost disks
    struct verdict *verdict; // gets starts that fail without a reason
};

struct faults;

struct faults *faults_new(const struct faults_setup *setup);
void faults_free(struct faults *faults);

uint32_t faults_count(const struct faults *faults); // drawn
uint64_t faults_happened(const struct faults *faults);

// From now on they happen.
void faults_begin(struct faults *faults);

// No more happen, and those under way end: everything passes, disks have room, clocks are right,
// processes go on. Those that are down come back soon, if they are not held.
void faults_end(struct faults *faults);

// A held node is stopped now and not started until it is let go.
void faults_hold(struct faults *faults, uint32_t node, bool hold);

// A node's disk was destroyed or changed in this run; -1: none.
int faults_victim(const struct faults *faults);

// The world's call: a process has ended.
void faults_closed(struct faults *faults, uint32_t node);

#endif
