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

// What a member needs only while it is suspected.
struct member_doubt {
    struct suspicion suspicion;
    struct heap_item timer; // in the machine's heap
    struct swim_member *member;
};

// Members are many (a full table has thousands), so each takes only what its name and meta need.
struct swim_member {
    uint64_t node_id;        // 0: a foreign member, whose name is not 16 hex digits
    uint64_t state_since_ms; // on the clock of now_ms
    uint64_t heard_ms;       // when it last spoke to us itself, by a ping or an answer; 0: never
    uint64_t ack_ms;         // when it last answered a ping of ours itself; 0: never
    uint32_t rtt_ms;         // how long that took, rounded up
    uint32_t suspected;      // how often it was, since we know it
    uint32_t incarnation;    // raised by the member itself only
    struct swim_address address;
    enum member_state state;
    uint8_t version[VERSION_SIZE];
    uint16_t meta_size;
    uint8_t *meta; // owned; NULL: none

    // From here on the machine's own.
    struct member_doubt *doubt; // owned; NULL unless it is suspected
    uint64_t name_hash;
    uint32_t place;   // in members.list
    bool local;       // it is us
    bool accused;     // by our own probe, while it is suspected
    bool given_grace; // a probe of it failed while we doubted ourselves
    char name[];      // terminated
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

// How many different ones accuse it; 0 unless it is suspected.
static inline uint32_t member_accusers(const struct swim_member *member)
{
    return member->doubt ? member->doubt->suspicion.confirmed + 1U : 0;
}

// Copies the bytes (at most SWIM_META_MAX).
void member_set_meta(struct swim_member *member, struct slice meta);

// NULL is allowed.
void member_free(struct swim_member *member);

// A node id as the name that stands for it on the wire: 16 lower-case hex digits.
enum { MEMBER_NAME_DIGITS = 16 };
void member_write_name(uint64_t node_id, char out[MEMBER_NAME_DIGITS + 1]);

// The node id that a name stands for; 0 when it is the name of a foreign member.
uint64_t member_read_name(struct slice name);

#endif
