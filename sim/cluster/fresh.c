// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/fresh.h"

#include "base/check.h"

#include <stdlib.h>

struct past_write {
    struct dot dot;
    uint64_t acked_us;
};

struct past {
    uint32_t count;
    uint32_t next; // the place of the next write: the oldest goes
    struct past_write writes[FRESH_PAST_MAX];
};

void fresh_done(struct fresh *fresh)
{
    for (uint64_t i = 0; i < fresh->count; i++)
        free(fresh->keys[i]);
    free(fresh->keys);
    arena_done(&fresh->scratch);
}

static struct past *past_take(struct fresh *fresh, uint64_t key)
{
    if (key >= fresh->count) {
        uint64_t count = key + key / 2 + 1024;

        fresh->keys = memory_grow(fresh->keys, count * sizeof(struct past *));
        for (uint64_t i = fresh->count; i < count; i++)
            fresh->keys[i] = NULL;
        fresh->count = count;
    }
    if (!fresh->keys[key])
        fresh->keys[key] = memory_new(sizeof(struct past));
    return fresh->keys[key];
}

void fresh_written(struct fresh *fresh, uint64_t key, struct dot dot, uint64_t now_us)
{
    struct past *past = past_take(fresh, key);

    past->writes[past->next] = (struct past_write){dot, now_us};
    past->next = (past->next + 1) % FRESH_PAST_MAX;
    if (past->count < FRESH_PAST_MAX)
        past->count += 1;
}

uint32_t fresh_behind(struct fresh *fresh, const struct fresh_read *read)
{
    const struct past *past = read->key < fresh->count ? fresh->keys[read->key] : NULL;
    struct clock context;
    uint32_t behind = 0;

    if (!past)
        return 0;
    arena_reset(&fresh->scratch);
    context = clock_in(&fresh->scratch);
    check(token_decode(read->token, read->bucket, read->name, &context) == 0);
    for (uint32_t i = 0; i < past->count; i++)
        behind += past->writes[i].acked_us <= read->began_us &&
                  !clock_contains(&context, past->writes[i].dot);
    return behind;
}
