// SPDX-License-Identifier: Apache-2.0
// A history: what clients asked, what they were told, and when. Recorded by whoever drives clients
// (the simulator, a test on real processes), judged by judge.h. Pure memory; nothing is judged
// while recording.
//
// Time is one clock that all clients share (virtual time, or one machine's monotonic clock), in
// any unit. An operation begins before its request leaves and ends after its answer has arrived;
// one without an answer ends when the client gave up. An operation A comes before B only when
// A.ended < B.began: equal times count as "at the same time".
//
// Names. Keys are numbers from 0, given by the recorder; what bucket and text stand behind them
// does not matter. Each put has a value number of its own, from 1, unique in the history: put it
// into the value's bytes and read it back from there. A value whose bytes are not those that were
// written gets VALUE_GARBAGE.
//
// Dots. A write is named by its dot wherever somebody tells it: in the answer, in a peer's message,
// beside a sibling that a read shows, in a state. The checker brings these together, so a recorder
// gives what it knows and leaves the rest zero. A recorder that sees no dots at all (tokens are
// opaque to it) makes them up: dot (1, value number) for each put, and as the context sent the dots
// of the values that the session had been shown when it got the token. A client that repeats a put
// whose outcome it does not know makes two writes: record two, with a value each.
// Dots belong to the shard of their key; all dots in the contexts of one key are of that shard.
#ifndef SIM_CHECKER_HISTORY_H
#define SIM_CHECKER_HISTORY_H

#include "base/arena.h"
#include "node/data/clock.h"

enum history_method { HISTORY_GET, HISTORY_PUT, HISTORY_DELETE };

enum history_outcome {
    HISTORY_ACKNOWLEDGED, // the answer says done (a get: answered, also with nothing)
    HISTORY_UNKNOWN,      // may have taken effect, may take effect at any later time, or never
    HISTORY_REFUSED       // the answer says: certainly had and will have no effect
};

#define VALUE_GARBAGE UINT64_MAX
#define TIME_NEVER    UINT64_MAX
// Nodes are numbered by the recorder, 0..63, as bits of a mask.
enum { HISTORY_NODES_MAX = 64 };

struct history_sibling {
    uint64_t value;
    struct dot dot; // zero: not told
};

struct history_op {
    enum history_method method;
    enum history_outcome outcome;
    uint32_t client;
    uint32_t session; // the operations of one session follow each other; unique over all clients
    uint32_t key;
    uint64_t began;
    uint64_t ended;

    // The request.
    uint64_t value; // put: its number; else 0
    const struct clock
        *sent;        // put, delete: the causal context, all dots of the decoded token; NULL:
                      // none. For a blind `overwrite` the context that the coordinator put
                      // into its delta (without the write's own dot).
    uint8_t asked;    // r or w
    bool strict;      // no guests allowed
    uint64_t expires; // put: when it expires, in the history's time; 0: never

    // The answer. Counts say what the answer said, masks what is so (the simulator knows).
    struct dot dot;     // put, delete: of the write, also when the outcome is unknown; zero:
                        // nobody told
    uint8_t owners;     // pr or pw: owners among those that answered; with `strict` it is
                        // taken to be `asked`, as promised
    bool holders_known; // the masks mean something
    uint64_t holders;   // put, delete, acknowledged: nodes that had it on stable storage
                        // before the answer left
    uint64_t guests;    // those of them that were not owners
    const struct clock *received;           // the context in the answer; NULL: not told
    const struct history_sibling *siblings; // get: what was shown, in any order
    uint32_t sibling_count;
    bool latest_only; // get: of several values one is shown (a bucket in which the last write wins)

    // The recorder's own knowledge: enough nodes were up and reachable from `began` until the
    // deadline, no fault was on: it must succeed (L4).
    bool within_reach;
};

// A disk was destroyed, or set back to an older state, at time `at`. What the node had put on
// stable storage from `since` until then is gone (0: everything). Acknowledgements of that time
// no longer count as copies. A node that only crashes loses nothing.
//
// A write that no acknowledging node still holds is judged by nobody. Beyond that the recorder must
// keep to what the store promises: fewer than W disks at a time, and the next one not before the
// owners are equal again.
struct history_loss {
    uint32_t node;
    uint64_t since;
    uint64_t at;
};

struct history {
    uint32_t keys;
    struct history_op *ops; // clocks and siblings are copies in the arena
    uint32_t op_count;
    uint32_t op_capacity;
    struct history_loss *losses; // in any order
    uint32_t loss_count;
    uint32_t loss_capacity;
    struct arena arena;
};

// Keys are 0..keys-1.
void history_init(struct history *history, uint32_t keys);
void history_done(struct history *history);

// Copies what it is given. In any order; ids of operations count from 0 in the order of the calls
// and stand in the sentences of the verdict as "op 17". Returns the id. Not safe from several
// threads: they share a lock of their own.
uint32_t history_add(struct history *history, const struct history_op *op);

// A dot that became known later (from a peer's message).
void history_set_dot(struct history *history, uint32_t op, struct dot dot);

// The context of an `overwrite` that became known later (a request that was executed long after its
// client had given up).
void history_set_sent(struct history *history, uint32_t op, const struct clock *sent);

void history_lose(struct history *history, const struct history_loss *loss);

// A sentence's part: "op 17 put v5 (a1,3) of key 2 by client 1 at 100..120, acknowledged".
// In the arena.
const char *history_op_text(const struct history *history, uint32_t op, struct arena *arena);

#endif
