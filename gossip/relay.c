// SPDX-License-Identifier: Apache-2.0
// Pings on behalf of others (SWIM section 3.1, ping-req): the asker's sequence number is kept
// beside our own until the member answers or the time is up. When too many wait, further ones are
// not taken: the asker has other helpers.
//
// A nack is sent at four fifths of the time, so that it is there before the asker's probe ends
// (Lifeguard section IV.A; memberlist sends it at the end, and with its own timings too late); an
// acknowledgement that comes after it is passed on all the same.
#include "base/check.h"
#include "gossip/machine.h"

#include <stdlib.h>

static struct relay *relay_of_timer(struct heap_item *item)
{
    return (struct relay *)((char *)item - offsetof(struct relay, timer));
}

void relay_ask(struct swim *swim, const struct swim_address *from, const struct message *ask)
{
    struct message ping = {
        .type = MESSAGE_PING,
        .node = ask->node,
        .source = swim->self->address,
        .source_node = member_name(swim->self),
    };
    struct relay *relay;

    if (swim->relays.count >= MACHINE_RELAYS_MAX)
        return;
    relay = memory_new(sizeof *relay);
    relay->sequence = machine_sequence(swim);
    relay->asked_sequence = ask->sequence;
    relay->asker = ask->source.size ? ask->source : *from;
    relay->nack = ask->nack;
    table_set(&swim->relays, relay->sequence, relay);
    relay->end_ms = swim->now_ms + swim->settings.timing.probe_timeout_ms;
    heap_add(&swim->relay_timers, &relay->timer,
             ask->nack ? swim->now_ms + (uint64_t)swim->settings.timing.probe_timeout_ms * 4 / 5
                       : relay->end_ms);
    ping.sequence = relay->sequence;
    spread_send(swim, &ask->target, &ping);
}

static void answer(struct swim *swim, struct relay *relay, enum message_type type)
{
    struct message message = {.type = type, .sequence = relay->asked_sequence};

    spread_send(swim, &relay->asker, &message);
}

static void drop(struct swim *swim, struct relay *relay)
{
    heap_remove(&swim->relay_timers, &relay->timer);
    table_remove(&swim->relays, relay->sequence);
    free(relay);
}

void relay_acknowledged(struct swim *swim, uint32_t sequence)
{
    struct relay *relay = table_find(&swim->relays, sequence);

    if (!relay)
        return;
    answer(swim, relay, MESSAGE_ACK);
    drop(swim, relay);
}

void relay_due(struct swim *swim)
{
    struct relay *relay = relay_of_timer(heap_first(&swim->relay_timers));

    if (!relay->nack) {
        drop(swim, relay);
        return;
    }
    answer(swim, relay, MESSAGE_NACK);
    relay->nack = false;
    heap_remove(&swim->relay_timers, &relay->timer);
    heap_add(&swim->relay_timers, &relay->timer, relay->end_ms);
}

void relay_free_all(struct swim *swim)
{
    while (heap_first(&swim->relay_timers))
        drop(swim, relay_of_timer(heap_first(&swim->relay_timers)));
    heap_done(&swim->relay_timers);
    table_done(&swim->relays);
}
