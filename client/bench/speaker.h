// SPDX-License-Identifier: Apache-2.0
// A protocol as the load generator sees it: how a question is written, how answers are cut out of
// what arrives. One file each, speak_*.c; everything else is the same for all of them. No I/O.
#ifndef CLIENT_BENCH_SPEAKER_H
#define CLIENT_BENCH_SPEAKER_H

#include "client/bench/floor.h"
#include "client/bench/value.h"
#include "node/data/message.h"
#include "node/wire/decoder.h"
#include "node/wire/rpc.h"

// What all connections of a run say alike. Borrowed by them.
struct phrases {
    struct request get;          // bucket, levels, times; key to be filled in
    struct request put;          // the same, and value
    const struct values *values; // sizes
    // floors: bytes of frames with an empty value, see floor_measure
    bool echo; // a reply is as long as its request
    uint32_t get_size, put_size, got_size, done_size;
    uint32_t wait;    // redis: replicas that must have a write; 0: no WAIT
    uint32_t wait_ms; // for so long
};

enum { ANSWER_VALUES_MAX = 128 };

// One connection's side of the conversation.
struct speech {
    const struct phrases *phrases;
    struct wire_decoder *decoder; // of the thread
    struct rpc_scan scan;         // quorate: the frame that is arriving
    uint32_t parts;               // redis: replies of the oldest question that have come
    int err;                      // redis: what the first of them said
};

// A question. `id` comes back in the answer, unless the protocol answers in order.
struct ask {
    uint32_t id;
    bool write;
    uint64_t key; // its number, for values->size
    struct slice name;
    struct slice value; // write
    struct slice token; // write: of a get; else empty
};

struct answer {
    size_t size; // bytes that it took
    uint32_t id;
    int err;           // 0 or ERR_*
    struct slice text; // with err: a sentence, or empty
    bool found;        // a get that found the key
    struct slice frame;
    // filled by read
    struct slice values[ANSWER_VALUES_MAX];
    uint32_t value_count;
    bool has_more; // there are values that found no room
    struct slice token;
};

struct speaker {
    const char *name;
    bool in_order; // answers come in the order of the questions and carry no id
    // A connection has come up: nothing has been said yet.
    void (*start)(struct speech *speech);
    // Appends the question.
    void (*ask)(struct speech *speech, const struct ask *ask, struct buffer *out);
    // The first answer in `bytes`, which is all that has arrived and was not taken. `write` says
    // what the oldest open question is, for protocols that answer in order. ERR_AGAIN when it is
    // not complete; ERR_PROTOCOL when the connection cannot go on.
    int (*next)(struct speech *speech, struct slice bytes, bool write, struct answer *out);
    // Decodes values and token of an answer to a get, which is unchanged since `next`. They are
    // slices into the frame and the decoder, until its next use. ERR_PROTOCOL.
    int (*read)(struct speech *speech, struct answer *answer);
};

// Fills the sizes of frames, by encoding what quorate would say of a key of KEY_NAME_SIZE bytes.
void floor_measure(struct phrases *phrases);

extern const struct speaker speaker_quorate;
extern const struct speaker speaker_floor;
extern const struct speaker speaker_redis;

#endif
