// SPDX-License-Identifier: Apache-2.0
// Whom we asked and what all of them said, taken together. Others can be asked later on: those that
// the first ones named.
#ifndef GOSSIP_CLI_SURVEY_H
#define GOSSIP_CLI_SURVEY_H

#include "gossip/cli/ask.h"
#include "node/wire/meta.h"

// One that was asked.
struct teller {
    char *text;                  // its address, as typed or as another one told it
    struct swim_address address; // where it was reached; size 0: nowhere
    int err;                     // 0: answered
    struct buffer refusal;       // a sentence that it answered with instead
    uint64_t rtt_us;             // see struct question
    uint64_t took_us;
    struct node_load load;   // node_id 0: not told
    struct node_view *views; // of others
    size_t view_count;
};

// Looks at the answer of one teller by itself, before it is taken in.
struct survey_look {
    void (*answered)(void *data, size_t teller, const struct observation *said);
    void *data;
};

struct survey {
    struct teller *tellers;
    size_t count;
    size_t answered;
    struct observation all;
};

// A zeroed survey is empty and ready.
void survey_done(struct survey *survey);

// Asks and takes in. `look` may be NULL.
struct survey_how {
    struct ask_how ask;
    const struct survey_look *look;
};
void survey_ask(struct survey *survey, char *const *addresses, size_t count,
                const struct survey_how *how);

// Takes in one answer, or that there was none: what the two here do for each that they ask.
void survey_take(struct survey *survey, const struct question *question,
                 const struct survey_look *look);

// Asks all members that are not known to be gone, but for those that were reached already.
void survey_ask_rest(struct survey *survey, const struct survey_how *how);

// When all answers are in; once.
void survey_finish(struct survey *survey);

// For one that did not answer: what failed: counts: what to do.
void survey_write_problem(const struct survey *survey, const struct teller *teller,
                          struct buffer *out);

#endif
