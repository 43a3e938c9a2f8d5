// SPDX-License-Identifier: Apache-2.0
// A client on a loop of the test's, up to three made-up nodes, and what came of its requests.
#ifndef TESTS_LIB_ASKER_H
#define TESTS_LIB_ASKER_H

#include "client/quorate.h"
#include "tests/lib/fake_node.h"

struct asker {
    uv_loop_t loop;
    struct quorate_client *client;
    struct fake fakes[3];
    uint32_t done;
    uint32_t failed;
    // the last result
    int err;
    bool unknown;
    uint32_t attempts;
    uint32_t acks;
    char value[64];
    char message[256];
    char address[64];
};

// With the first node, which the client knows.
void asker_open(struct asker *asker, answer_fn *answer);
void asker_close(struct asker *asker);

// Another client in the place of the first.
void asker_reopen(struct asker *asker, const char *endpoints,
                  const struct quorate_client_options *options);

// Takes a result down.
void asker_done(void *data, const struct quorate_result *result);

// Until so many requests are done.
void asker_wait(struct asker *asker, uint32_t done);

void asker_get(struct asker *asker, const char *key);
void asker_put(struct asker *asker, const char *key, uint32_t timeout_ms);

// Ways to answer. All but the last tell the topology they have; a get is answered with its key as
// the value, a put is acknowledged.
answer_fn answer_well;
answer_fn answer_refusing;
answer_fn answer_third; // refuses twice, then answers
answer_fn answer_hanging_up;
answer_fn answer_never;
answer_fn answer_later_guests; // whoever comes first has got hold of a dead line
answer_fn answer_nonsense;

#endif
