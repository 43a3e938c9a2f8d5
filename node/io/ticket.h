// SPDX-License-Identifier: Apache-2.0
// Tickets: the driver's names for "this request of this connection". The machine gives a ticket
// back with its reply, perhaps long after the connection is gone; a name is never given out twice,
// so a late reply finds nothing rather than somebody else's connection.
#ifndef NODE_IO_TICKET_H
#define NODE_IO_TICKET_H

#include <stdbool.h>
#include <stdint.h>

struct ticket {
    uint64_t name;       // use << 32 | place; 0: free
    void *holder;        // the connection
    uint32_t request_id; // the client's
    bool silent;         // a notification: wants no reply
    uint32_t previous;   // of the same holder: places + 1
    uint32_t next;       // of the same holder, or of the free ones
};

// The tickets of one connection. Zeroed: none.
struct ticket_list {
    uint32_t first; // place + 1
    uint32_t count;
};

struct tickets {
    struct ticket *places;
    uint32_t count;    // in use
    uint32_t capacity; // made so far
    uint32_t max;
    uint32_t free; // place + 1
};

void tickets_init(struct tickets *tickets, uint32_t max);
void tickets_done(struct tickets *tickets);

// A new ticket, held by `list` of `holder`; 0 when `max` are in use.
uint64_t tickets_add(struct tickets *tickets, struct ticket_list *list, void *holder,
                     uint32_t request_id);

// The ticket of that name, NULL when it was removed; valid until the next add.
struct ticket *tickets_find(struct tickets *tickets, uint64_t name);

// Ends a ticket that tickets_find found.
void tickets_remove(struct tickets *tickets, struct ticket_list *list, struct ticket *ticket);

// The name of some ticket of the list, 0 when it is empty.
uint64_t tickets_first(const struct tickets *tickets, const struct ticket_list *list);

#endif
