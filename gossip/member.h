// SPDX-License-Identifier: Apache-2.0
// A member as we see it, and the table of all of them.
#ifndef GOSSIP_MEMBER_H
#define GOSSIP_MEMBER_H

#include "base/heap.h"
#include "gossip/suspicion.h"

// The numbers are those of the wire.
enum member_state { MEMBER_ALIVE, MEMBER_SUSPECT, MEMBER_DEAD, MEMBER_LEFT };

// "alive", "suspect", "dead", "left".
const char *member_state_text(enum member_state state);

// The six version bytes of the wire: protocol min, max, current, delegate min, max, current.
enum {
    VERSION_MIN,
    VERSION_MAX,
    VERSION_NOW,
    VERSION_DELEGATE_MIN,
    VERSION_DELEGATE_MAX,
    VERSION_DELEGATE_NOW,
    VERSION_SIZE
};

struct swim_member {
    uint64_t node_id; // 0: a foreign member, whose name is not 16 hex digits
    char name[SWIM_NAME_MAX + 1];
    struct swim_address address;
    enum member_state state;
    uint64_t state_since_ms; // on the clock of now_ms
    uint64_t acked_ms;       // when it last answered a ping of ours at once; 0: never
    uint32_t incarnation;    // raised by the member itself only
    uint8_t version[VERSION_SIZE];
    uint16_t meta_size;
    uint8_t meta[SWIM_META_MAX];

    // From here on the machine's own.
    uint64_t name_hash;
    uint32_t place; // in members.list
    bool local;     // it is us
    struct suspicion suspicion;
    struct heap_item timer; // in the machine's heap while suspected
};

static inline struct slice member_meta(const struct swim_member *member)
{
    return slice_of(member->meta, member->meta_size);
}

static inline struct slice member_name(const struct swim_member *member)
{
    return slice_of_text(member->name);
}

static inline bool member_is_gone(const struct swim_member *member)
{
    return member->state == MEMBER_DEAD || member->state == MEMBER_LEFT;
}

// A node id as the name that stands for it on the wire: 16 lower-case hex digits.
enum { MEMBER_NAME_DIGITS = 16 };
void member_write_name(uint64_t node_id, char out[MEMBER_NAME_DIGITS + 1]);

// The node id that a name stands for; 0 when it is the name of a foreign member.
uint64_t member_read_name(struct slice name);

#endif
