// SPDX-License-Identifier: Apache-2.0
// Asking many members at once: a connection each, one deadline for all. Names are looked up side by
// side as well, and cost no more than the deadline either.
#ifndef GOSSIP_CLI_ASK_H
#define GOSSIP_CLI_ASK_H

#include "gossip/observer.h"

enum { ASK_PORT = 7401, ASK_AT_ONCE = 256 };

struct question {
    const char *text;            // "HOST[:PORT]", as it was typed; borrowed
    struct swim_address address; // where it was sent to; size 0: nowhere
    int err;                     // 0: `answer` is complete
    uint64_t rtt_us;      // round trip, as the kernel measured it on the connection; 0: it did not
    uint64_t took_us;     // until the answer was complete
    struct buffer answer; // out of all wrappers
};

// What else is waited for meanwhile: `ready` is called when something can be read from
// `descriptor`. When it returns false all questions that have no answer yet are given up.
struct ask_aside {
    int descriptor;
    bool (*ready)(void *data);
    void *data;
};

struct ask_how {
    const struct guard *guard; // the ring's label and keys
    uint64_t timeout_ms;
    const struct ask_aside *aside; // may be NULL
};

// Sets all but `text` and asks; questions must be zeroed but for it. `err` is then 0 or
//      ERR_NOT_FOUND   no such host
//      ERR_CONNECT     refused or unreachable
//      ERR_TIMEOUT     no answer in time
//      ERR_CLOSED      closed before the answer was complete
//      ERR_PRECONDITION, ERR_WRONG_CLUSTER, ERR_PROTOCOL, ERR_TOO_LARGE   see intake_take
void ask_all(const struct ask_how *how, struct question *questions, size_t count);

// The clock of the above: monotonic, microseconds.
uint64_t ask_now_us(void);

#endif
