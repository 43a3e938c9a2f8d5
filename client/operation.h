// SPDX-License-Identifier: Apache-2.0
// One request of the application, from its start to its one result: the attempts, the pauses
// between them, the deadline over all.
#ifndef CLIENT_OPERATION_H
#define CLIENT_OPERATION_H

#include "client/client.h"

enum { OPERATION_TRIES_MAX = 64 }; // also of nodes that cannot be reached

enum operation_state {
    OPERATION_ASKING,  // waits for an answer
    OPERATION_PAUSING, // waits to try again
    OPERATION_REFUSED  // wrong from the start: waits to say so
};

struct operation {
    TAILQ_ENTRY(operation) entry;
    struct quorate_client *client;
    enum operation_state state;
    struct quorate_done done;
    struct result_box *box; // takes the result; NULL: it is shown from the client's
    struct request request; // its slices lie in `bytes`
    bool at_address;        // only there
    char address[SITE_ADDRESS_MAX];
    struct question question;
    struct site *site;  // asked, while asking
    struct alarm alarm; // the deadline, or the end of the pause
    uint64_t started_us;
    uint64_t asked_us; // this attempt
    uint64_t deadline_ms;
    uint64_t tried[OPERATION_TRIES_MAX];
    uint32_t attempts;
    uint32_t unreached; // attempts that no node heard of
    // the last failure
    struct failure failure;
    struct buffer why; // the sentence
    uint8_t bytes[];   // copies of bucket, key, value, token, after
};

// Starts a request; what it points to is copied. `address` (NULL: any node fit for it) is kept too.
// The result goes to `done` later, never before this returns.
struct operation *operation_start(struct quorate_client *client, const struct request *request,
                                  const char *address, struct quorate_done done);

// Makes it end with this error, shortly.
void operation_refuse(struct operation *operation, int err, const char *why);

// Ends it now with ERR_CLOSED.
void operation_abort(struct operation *operation);

#endif
