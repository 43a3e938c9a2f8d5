// SPDX-License-Identifier: Apache-2.0
// Places are reused, names are not: the upper half of a name counts the uses of its place. It would
// take four thousand million requests through one place, within the life of one of them, to meet a
// name again.
#include "node/io/ticket.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

void tickets_init(struct tickets *tickets, uint32_t max)
{
    *tickets = (struct tickets){.max = max};
}

void tickets_done(struct tickets *tickets)
{
    free(tickets->places);
    *tickets = (struct tickets){0};
}

static void grow(struct tickets *tickets)
{
    uint32_t capacity = tickets->capacity ? tickets->capacity * 2 : CAPACITY_MIN;
    uint32_t place;

    if (capacity > tickets->max)
        capacity = tickets->max;
    tickets->places = memory_grow(tickets->places, capacity * sizeof *tickets->places);
    for (place = capacity; place-- > tickets->capacity;) {
        tickets->places[place] = (struct ticket){.next = tickets->free};
        tickets->free = place + 1;
    }
    tickets->capacity = capacity;
}

uint64_t tickets_add(struct tickets *tickets, struct ticket_list *list, void *holder,
                     uint32_t request_id)
{
    struct ticket *ticket;
    uint32_t place, use;

    if (tickets->count == tickets->max)
        return 0;
    if (!tickets->free)
        grow(tickets);
    place = tickets->free - 1;
    ticket = &tickets->places[place];
    tickets->free = ticket->next;
    use = ticket->previous + 1; // of a free place: how often it was used
    if (use == 0)
        use = 1;
    *ticket = (struct ticket){.name = (uint64_t)use << 32 | place,
                              .holder = holder,
                              .request_id = request_id,
                              .next = list->first};
    if (list->first)
        tickets->places[list->first - 1].previous = place + 1;
    list->first = place + 1;
    list->count++;
    tickets->count++;
    return ticket->name;
}

struct ticket *tickets_find(struct tickets *tickets, uint64_t name)
{
    uint32_t place = (uint32_t)name;

    if (name == 0 || place >= tickets->capacity || tickets->places[place].name != name)
        return NULL;
    return &tickets->places[place];
}

void tickets_remove(struct tickets *tickets, struct ticket_list *list, struct ticket *ticket)
{
    uint32_t place = (uint32_t)ticket->name, use = (uint32_t)(ticket->name >> 32);

    check(ticket->name && list->count > 0);
    if (ticket->previous)
        tickets->places[ticket->previous - 1].next = ticket->next;
    else
        list->first = ticket->next;
    if (ticket->next)
        tickets->places[ticket->next - 1].previous = ticket->previous;
    *ticket = (struct ticket){.previous = use, .next = tickets->free};
    tickets->free = place + 1;
    list->count--;
    tickets->count--;
}

uint64_t tickets_first(const struct tickets *tickets, const struct ticket_list *list)
{
    return list->first ? tickets->places[list->first - 1].name : 0;
}
