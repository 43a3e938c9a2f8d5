// SPDX-License-Identifier: Apache-2.0
#include "node/io/told.h"

#include "base/check.h"

#include <stdlib.h>

static struct node_view view_of(const struct swim_member *member, uint64_t now_ms)
{
    return (struct node_view){
        .node_id = member->node_id,
        .age_ms = now_ms - member->state_since_ms,
        .ack_age_ms = member->ack_ms ? now_ms - member->ack_ms + 1 : 0,
        .rtt_ms = member->rtt_ms,
        .accusers = member_accusers(member),
    };
}

void told_write(const struct swim *swim, const struct node_load *load, uint64_t now_ms,
                struct buffer *out)
{
    size_t count = swim_count(swim), used = 0;
    struct node_view *views = memory_new((count + 1) * sizeof *views);

    for (size_t i = 0; i < count && used < META_VIEWS_MAX; i++) {
        const struct swim_member *member = swim_at(swim, i);

        if (member->node_id && now_ms >= member->state_since_ms && now_ms >= member->ack_ms)
            views[used++] = view_of(member, now_ms);
    }
    meta_encode_told(load, views, used, out);
    free(views);
}
