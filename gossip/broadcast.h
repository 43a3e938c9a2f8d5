// SPDX-License-Identifier: Apache-2.0
// The queue of what others have yet to hear. One entry per member: news about it replaces older
// news. Each entry is sent so often that it reaches all with high probability (SWIM section 4.1),
// and rides on datagrams that leave anyway.
#ifndef GOSSIP_BROADCAST_H
#define GOSSIP_BROADCAST_H

#include "base/arena.h"
#include "base/table.h"

struct broadcast {
    uint64_t about; // name hash of the member
    uint64_t order; // grows; newer is larger
    uint32_t sends;
    struct slice bytes; // owned
};

struct broadcasts {
    struct broadcast **list; // fewest sends first, then larger, then newer
    size_t count;
    size_t capacity;
    size_t max;
    size_t bytes; // of all messages
    uint64_t next_order;
    struct table by_member;
};

void broadcasts_init(struct broadcasts *broadcasts, size_t max);
void broadcasts_done(struct broadcasts *broadcasts);

// Queues a copy of the message, in place of the one about the same member. When the queue is full
// the entry that was sent most often goes; returns false then.
bool broadcasts_add(struct broadcasts *broadcasts, uint64_t about, struct slice message);

// Takes up to `parts` messages that fit into `bytes`, each costing `overhead` more than its size,
// and counts them as sent; one that reached `sends_max` leaves the queue. Copies live in the
// arena. Returns how many.
//
// What goes along with pings and answers goes to whoever is talked to, often to the same few. If it
// counted, news would be used up by them in a small ring and not reach the others. It must count
// when much waits: else the same news would go along always.
struct broadcast_room {
    size_t bytes;
    size_t parts;
    size_t overhead;
    uint32_t sends_max;
    bool along; // the datagram leaves anyway: when all fits into it, nothing is counted
};
size_t broadcasts_fill(struct broadcasts *broadcasts, const struct broadcast_room *room,
                       struct arena *arena, struct slice *out);

// True while news about the member waits.
bool broadcasts_pending(const struct broadcasts *broadcasts, uint64_t about);

// Sends of one message among so many members: mult * ceil(log10(members + 1)).
uint32_t broadcasts_sends_max(uint32_t mult, size_t members);

#endif
