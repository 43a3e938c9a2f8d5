// SPDX-License-Identifier: Apache-2.0
// What is wrong in a ring and a person must know, told now and then and not each time: two members
// with one node id or one actor, gossip that is not ours.
//
// An actor id stands for one life of one node, and dots are counted under it: two members with one
// would issue the same dots. Whoever had it first keeps it; the other one is refused, and refuses
// the first one in turn if that is how it met them.
#ifndef NODE_IO_RING_ALARM_H
#define NODE_IO_RING_ALARM_H

#include "base/table.h"
#include "gossip/address.h"
#include "node/wire/meta.h"

struct swim_counts;
struct swim_member;

struct ring_alarm {
    struct table by_actor; // who holds it
    struct table by_node;
    uint64_t conflict_ms; // when each was told last
    uint64_t twin_ms;
    uint64_t refused_ms;
    uint64_t foreign; // swim_counts, as told
    uint64_t unopened;
};

// A zeroed one is ready.
void ring_alarm_done(struct ring_alarm *alarm);

// Our own actor, before any other.
void ring_alarm_set_self(struct ring_alarm *alarm, uint64_t node_id, uint64_t actor);

// True when another member holds the actor that this one announces.
bool ring_alarm_is_twin(struct ring_alarm *alarm, const struct node_meta *meta, const char *address,
                        uint64_t now_ms);

// The member is out of the table: what it held is free.
void ring_alarm_forget(struct ring_alarm *alarm, uint64_t node_id);

// Somebody at `claimed` uses the member's node id.
void ring_alarm_conflict(struct ring_alarm *alarm, const struct swim_member *member,
                         const struct swim_address *claimed, uint64_t now_ms);

// Tells of what label or keys refused since it was told last.
void ring_alarm_refused(struct ring_alarm *alarm, const struct swim_counts *counts,
                        uint64_t now_ms);

#endif
