// SPDX-License-Identifier: Apache-2.0
#include "node/io/ring_alarm.h"

#include "base/check.h"
#include "gossip/swim.h"
#include "node/io/log_text.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    CONFLICT_MS = 10000, // between two lines of a kind
    REFUSED_MS = 60000
};

struct holder {
    uint64_t node_id;
    uint64_t actor;
};

void ring_alarm_done(struct ring_alarm *alarm)
{
    struct holder *holder;
    size_t at = 0;

    while ((holder = table_next(&alarm->by_node, &at)))
        free(holder);
    table_done(&alarm->by_node);
    table_done(&alarm->by_actor);
    memset(alarm, 0, sizeof *alarm);
}

static bool may_tell(uint64_t *last_ms, uint64_t now_ms, uint64_t every_ms)
{
    if (*last_ms && now_ms - *last_ms < every_ms)
        return false;
    *last_ms = now_ms;
    return true;
}

void ring_alarm_forget(struct ring_alarm *alarm, uint64_t node_id)
{
    struct holder *holder = table_remove(&alarm->by_node, node_id);

    if (holder)
        table_remove(&alarm->by_actor, holder->actor);
    free(holder);
}

static void hold(struct ring_alarm *alarm, uint64_t node_id, uint64_t actor)
{
    struct holder *holder = memory_new(sizeof *holder);

    *holder = (struct holder){node_id, actor};
    table_set(&alarm->by_node, node_id, holder);
    table_set(&alarm->by_actor, actor, holder);
}

void ring_alarm_set_self(struct ring_alarm *alarm, uint64_t node_id, uint64_t actor)
{
    hold(alarm, node_id, actor);
}

bool ring_alarm_is_twin(struct ring_alarm *alarm, const struct node_meta *meta, const char *address,
                        uint64_t now_ms)
{
    const struct holder *own = table_find(&alarm->by_node, meta->node_id);
    const struct holder *holder;

    if (own && own->actor == meta->actor)
        return false;
    ring_alarm_forget(alarm, meta->node_id); // it lives anew
    holder = table_find(&alarm->by_actor, meta->actor);
    if (!holder) {
        hold(alarm, meta->node_id, meta->actor);
        return false;
    }
    if (may_tell(&alarm->twin_ms, now_ms, CONFLICT_MS))
        log_warning("gossip: %s (node %016" PRIx64 ", %s) has the actor id of node %016" PRIx64
                    ": refused; restart it",
                    meta->name, meta->node_id, address, holder->node_id);
    return true;
}

void ring_alarm_conflict(struct ring_alarm *alarm, const struct swim_member *member,
                         const struct swim_address *claimed, uint64_t now_ms)
{
    char there[SWIM_ADDRESS_TEXT], here[SWIM_ADDRESS_TEXT];

    if (!may_tell(&alarm->conflict_ms, now_ms, CONFLICT_MS))
        return;
    swim_address_text(claimed, there);
    swim_address_text(&member->address, here);
    if (member->local)
        log_warning("gossip: %s claims our own node id %s: refused; a data directory is a copy, "
                    "or our address changed and others hold the old one",
                    there, member->name);
    else
        log_warning("gossip: %s claims to be node %s, which is at %s: refused; it moved and is not "
                    "yet given up there, or a data directory is a copy",
                    there, member->name, here);
}

void ring_alarm_refused(struct ring_alarm *alarm, const struct swim_counts *counts, uint64_t now_ms)
{
    if (counts->foreign == alarm->foreign && counts->unopened == alarm->unopened)
        return;
    if (!may_tell(&alarm->refused_ms, now_ms, REFUSED_MS))
        return;
    log_warning("gossip: ignored %" PRIu64 " messages with another label and %" PRIu64
                " without one of our keys",
                counts->foreign - alarm->foreign, counts->unopened - alarm->unopened);
    alarm->foreign = counts->foreign;
    alarm->unopened = counts->unopened;
}
