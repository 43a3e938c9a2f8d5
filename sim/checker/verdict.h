// SPDX-License-Identifier: Apache-2.0
// What the checkers found: a count for each promise, and for the first findings of each a sentence
// with the numbers of the history, so that a person can follow it.
//
// The promises, and where each can be seen:
//
//   S1  lost         no acknowledged write is lost             history + states (judge_final)
//   S2  invented     no value that nobody wrote, no value of   history (judge_history) and states
//                    another key, none before its write began
//   S3  missed       a strict read shows every write           history
//                    acknowledged before it began, or what
//                    replaced it; an acknowledgement means as  history, and messages as they
//                    many durable copies as it says (quorum)   are sent
//   S4  dot twice    a dot names one key and one value         messages, logs, states: issued.h;
//                                                              history where it tells dots
//   S5  backward     a session's contexts never go backwards   history
//   S6  read-your-writes, monotonic-reads, monotonic-writes,   history
//       writes-follow-reads: failures, and rates beside them
//   S7  returned     what an acknowledged write covered stays  history; on no disk: states
//                    away; what has expired stays away
//   S8  erased       a delete leaves what it has not seen      as S1 and S3: the same loss, when
//                                                              a delete is the suspect
//   S9  superfluous  of two siblings none has seen the other   history and states
//   S10 redelivered  a message that comes again changes        two states (states_same): no
//                    nothing                                   history shows it (`check` sees L1)
//   S11 refused      "certainly had no effect" is true         history and states
//   S12 placed       N copies of each shard on distinct        topologies (placed_check)
//                    members, hosts, zones
//   L1  diverged     owners become equal, rests and dot logs   states (states_converged)
//                    empty
//   L2  guest left   stand-ins give all back and forget it     states (states_converged)
//   L4  unanswered   requests within reach succeed in time     history
//   L6  unbounded    queues and memory return to what they     gauges (gauges_check)
//                    were
//   --  broken state the invariants of one replica             states (states_check), and
//                                                              messages as they are sent
//
// S1..S12 and L1..L6 number the promises of a store of this kind; L3 (membership agrees) and L5
// (hand-over of ownership ends) are seen by neither histories nor replicas and are judged
// elsewhere.
#ifndef SIM_CHECKER_VERDICT_H
#define SIM_CHECKER_VERDICT_H

#include "base/buffer.h"

#define VERDICT_MAP(X)                                                                             \
    X(VERDICT_LOST, "S1 lost")                                                                     \
    X(VERDICT_INVENTED, "S2 invented")                                                             \
    X(VERDICT_MISSED, "S3 missed")                                                                 \
    X(VERDICT_QUORUM, "S3 quorum")                                                                 \
    X(VERDICT_DOT, "S4 dot twice")                                                                 \
    X(VERDICT_BACKWARD, "S5 backward")                                                             \
    X(VERDICT_READ_YOUR_WRITES, "S6 read-your-writes")                                             \
    X(VERDICT_MONOTONIC_READS, "S6 monotonic-reads")                                               \
    X(VERDICT_MONOTONIC_WRITES, "S6 monotonic-writes")                                             \
    X(VERDICT_WRITES_FOLLOW_READS, "S6 writes-follow-reads")                                       \
    X(VERDICT_RETURNED, "S7 returned")                                                             \
    X(VERDICT_ERASED, "S8 erased")                                                                 \
    X(VERDICT_SUPERFLUOUS, "S9 superfluous")                                                       \
    X(VERDICT_REDELIVERED, "S10 redelivered")                                                      \
    X(VERDICT_REFUSED, "S11 refused")                                                              \
    X(VERDICT_PLACED, "S12 placed")                                                                \
    X(VERDICT_DIVERGED, "L1 diverged")                                                             \
    X(VERDICT_GUEST, "L2 guest left")                                                              \
    X(VERDICT_UNANSWERED, "L4 unanswered")                                                         \
    X(VERDICT_UNBOUNDED, "L6 unbounded")                                                           \
    X(VERDICT_STATE, "broken state")

enum verdict_kind {
#define VERDICT_KIND(kind, text) kind,
    VERDICT_MAP(VERDICT_KIND)
#undef VERDICT_KIND
        VERDICT_KINDS
};

// Sentences kept of one kind; later ones are counted only.
enum { VERDICT_TEXTS_MAX = 20 };

// How often a guarantee of a session was put to the test and did not hold, where nothing promised
// that it would: one of the two operations was no strict quorum, or was not acknowledged before the
// other began, or the session did not send its context. Not failures; a measured staleness.
struct verdict_rate {
    uint64_t tested;
    uint64_t broken;
};

enum verdict_guarantee {
    GUARANTEE_READ_YOUR_WRITES,
    GUARANTEE_MONOTONIC_READS,
    GUARANTEE_MONOTONIC_WRITES,
    GUARANTEE_WRITES_FOLLOW_READS,
    GUARANTEE_MONOTONIC_CONTEXT, // S5 beyond what is promised
    GUARANTEES
};

struct verdict {
    uint64_t counts[VERDICT_KINDS];
    // What was looked at: a verdict that is clean because nothing was judged proves nothing.
    uint64_t reads_judged;    // reads against which a strict quorum promise held (S3, S7)
    uint64_t writes_judged;   // acknowledged writes that S1 asked for
    uint64_t promises_tested; // session guarantees that were promised (S5, S6)
    struct verdict_rate rates[GUARANTEES];
    struct buffer text; // a line for each finding kept, not terminated by 0
};

// A zeroed verdict is empty and ready. Checkers add to it.
void verdict_done(struct verdict *verdict);

// Counts a finding; the sentence goes without the kind and without a line end.
void verdict_add(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// "S1 lost"
const char *verdict_kind_text(enum verdict_kind kind);

uint64_t verdict_count(const struct verdict *verdict); // findings of all kinds
static inline bool verdict_is_clean(const struct verdict *verdict)
{
    return verdict_count(verdict) == 0;
}

// One line: what was looked at and the kinds found. Appended to `out`.
void verdict_summary(const struct verdict *verdict, struct buffer *out);

#endif
