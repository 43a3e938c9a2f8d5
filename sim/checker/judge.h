// SPDX-License-Identifier: Apache-2.0
// The judge of histories: could a store that keeps its promises have said so? Looks at each key by
// itself; n log n in what was recorded (operations, runs of their clocks, siblings) plus, for
// each lost disk, the writes before it. Deterministic: the same history gives the same text.
//
// When does a read have to know a write? When their quorums meet. A write's copies are the owners
// that its acknowledgement promises (w if strict, else pw as told; or those that `holders` names,
// if more), less those whose disk was lost since. A read's are r if strict, else pr. If the sum is
// above N, some replica was in both:
//
//   acknowledged before the read began  =>  the read's context has the write's dot        (S3)
//   ... and it shows the value, unless a write whose context has the dot began before
//       the read ended, or it has expired                                                  (S3, S8)
//   a write whose context has dot d acknowledged before the read began => d is not shown  (S7)
//
// For that the intersecting replica must still have both, so a read during which a disk was lost
// is not judged so. Any read, of any quorum, must satisfy:
//
//   each value shown was written by a put to this key that began before the read ended, under the
//   dot that is told beside it (S2, S4); no refused one (S11); of no two siblings one has seen the
//   other (S9); none expired for longer than the slack (S7)
//   whoever shows write w has w's context: the session's write before w (S6 monotonic-writes) and
//   what the session had read before it (S6 writes-follow-reads) are in the read's context, if the
//   context sent with w had them
//
// Between two reads of one session, or a write and a read: what the first had must be in the
// context of the second (S5; S6 monotonic-reads, read-your-writes) if the quorums of the write
// and of the second read meet and the write was acknowledged before that read began. A write
// whose outcome is unknown or still open may be on one replica alone: the next quorum may well
// miss it, so that such findings are counted as rates (struct verdict), unless reads_settle says
// that reads prevent it.
#ifndef SIM_CHECKER_JUDGE_H
#define SIM_CHECKER_JUDGE_H

#include "sim/checker/history.h"
#include "sim/checker/state.h"
#include "sim/checker/verdict.h"

struct judge_settings {
    uint32_t replicas; // N

    // Nodes' wall clocks differ: a value may be gone this long before its expiry and shown this
    // long after it. TIME_NEVER: values with an expiry are never missed and never too late.
    uint64_t expiry_slack;

    uint64_t deadline; // of requests within reach (L4); 0: not judged
    bool reads_settle; // a strict read answers only after W owners have what it shows
    uint32_t from;     // operations before this id were judged before: only writes count of them
};

// Everything of verdict.h that a history shows: S2, S3, S4, S5, S6, S7, S8, S9, S11, L4. An
// operation recorded twice or a session whose operations overlap gives nonsense.
void judge_history(const struct history *history, const struct judge_settings *settings,
                   struct verdict *verdict);

// After all faults are healed and the owners are equal (states_converged): S1, S2, S4, S7, S8,
// S9, S11 on what the disks hold. `states` are those of the owners of all shards that have keys in
// the history, at time `now`.
//
// S1: the value of each acknowledged put is there, or expired, or covered by the context of a write
// that is accounted for: a put that is itself there, expired, or covered so; a delete (it leaves no
// trace), neither of them refused. So a chain of writes, acknowledged or not, must lead to
// something that explains each step; a clock that covers a dot explains nothing. A put of unknown
// outcome whose dot nobody ever told is taken to be accounted for: tell the dots
// (history_set_dot) to be exact. Not judged is a write of which no acknowledging node's disk is
// left.
// S7: no value is there that the context of an acknowledged write with a copy left covers.
void judge_final(const struct history *history, const struct judge_settings *settings,
                 const struct replica_states *states, uint64_t now, struct verdict *verdict);

#endif
