// SPDX-License-Identifier: Apache-2.0
// The inside of repair, shared by the files named here and by nobody else.
//
//   offer.c    what this node has of each shard for good is offered; what others offer is kept
//   sync.c     asks for the dots that an offer has and our clock lacks; answers; applies
//   fill.c     asks for a whole shard, page by page; answers; takes
//   compare.c  equal clocks and unequal digests: key by key, presence wins
//   drain.c    what nobody needs any more goes: dot logs, guests' copies
//   adopt.c    dots of ended lives in rests become known to all
//   pull.c     which of these comes next, from whom
//   repair.c   the states below, what is given, the turn
//   mend.c     damaged keys are found out about and rebuilt
//   debt.c     how much is missing, for status
//
// A dot enters our clock only together with its effect: nothing here joins a clock. What has been
// lost on the way is asked for again, because the clocks still differ.
#ifndef NODE_CORE_REPAIR_H
#define NODE_CORE_REPAIR_H

#include "node/core/budget.h"
#include "node/core/machine.h"

enum {
    OFFER_US = 500000,          // how often changes are offered
    BUSY_US = 100000,           // how often work that waits is looked at
    AGAIN_US_MIN = 1000000,     // offers and questions are repeated after this, doubling
    AGAIN_US_MAX = 8000000,     // up to this
    REFUSED_US_MIN = 250000,    // after a refusal, doubling up to AGAIN_US_MAX
    OFFER_BYTES_MAX = 48 << 10, // of one message
    PULLS_MAX = 4,              // shards that are being pulled at one time
    PAGE_BYTES = 256 << 10,
    PRUNE_DOTS = 65536,  // in one go
    ALARM_US = 60000000, // at most one alarm of a kind in this time
    RESTS_PAGE = 64,
    MENDS_MAX = 16, // damaged keys asked for at one time
};

// What another node is known to have of a shard for good, and how things stand with it.
struct other {
    uint64_t node;
    uint64_t actor; // of the life that said so; 0: it has said nothing yet
    bool owner;     // else a guest
    struct offer offer;
    // what it has been told
    uint64_t told_version; // of our state; 0: nothing since the link came up
    uint64_t tell_us;      // when to tell again while we differ
    uint64_t tell_wait_us;
    bool asked;   // it wants to know
    bool settled; // nothing is to be said before something changes
    // what we ask of it
    uint64_t pull_us; // not before then
    uint64_t pull_wait_us;
    uint64_t pulled_us; // when it was last asked
    bool below;         // it has let go of dots that we lack (ERR_STALE): only a fill helps
    bool too_old;       // it does not cover the start clock of our fill
    // debt; 0: none
    uint64_t it_lacks_us; // since when it lacks something of ours
    uint64_t we_lack_us;  // since when we lack something of its
};

// One shard that we own or are a guest of.
struct local {
    uint32_t shard;
    bool owned;
    uint64_t version;  // counts the changes of `ours`; from 1
    struct offer ours; // durable
    struct offer next; // durable at repair->next_position
    bool has_next;
    struct other **others; // heap: the other owners in order, then guests
    uint32_t other_count;
    bool prune;           // something was learnt since the last look
    bool work;            // there may be something to pull
    bool renew;           // nobody can go on with our fill: begin another one
    uint64_t compared_us; // when the last comparison began
    bool differs;         // equal clocks, unequal digests
    uint64_t equal_us;    // since when all owners are known to be equal; 0: they are not
    uint64_t stuck_us;    // a guest: since when owners lack nothing but damaged records; 0: not so
    uint64_t stuck_at;    // our version then
    uint64_t adopt_us;    // when rests are looked at again
    bool adopt_versions;  // rests have been: those that fills brought are next
    bool has_adopt_after;
    uint8_t adopt_after[TREE_KEY_SIZE];
};

enum pull_kind { PULL_NONE, PULL_SYNC, PULL_FILL, PULL_COMPARE };

// A shard that is being pulled: one question at a time.
struct pull {
    enum pull_kind kind;
    uint32_t shard;
    uint64_t node;
    uint64_t op;     // of the question under way; 0: the next one waits for the budget
    uint64_t due_us; // when the answer is late
    bool has_after;  // compare
    uint8_t after[TREE_KEY_SIZE];
};

// What members say about themselves beside their offers.
struct heard {
    uint64_t actor;
    uint64_t actor_us; // since when
    uint64_t guests;
    uint64_t heard_us; // when it last said how many
};

// A damaged key whose name is being asked for.
struct mend {
    uint32_t shard;
    uint8_t tree_key[TREE_KEY_SIZE];
    uint32_t told; // by rank: owners that hold nothing of it, or nothing whole
    bool nothing;  // one of them holds nothing, and its copy is complete
};

struct repair {
    struct budget budget;
    uint64_t digest;       // of the topology that all this is for; 0: none
    struct local **locals; // by shard; NULL: not ours
    uint32_t shards;
    struct heard *heard;    // by member index
    uint64_t next_us;       // when repair_tick looks again
    uint64_t next_offer_us; // when changes are offered again
    uint64_t next_position; // 0: nothing waits to become durable
    uint32_t incomplete;    // shards that we own and cannot serve yet
    uint32_t guests;        // shards that we are a guest of
    uint32_t cursor;        // next shard to look at for work
    struct pull pulls[PULLS_MAX];
    struct mend mends[MENDS_MAX];
    uint32_t mend_count;
    uint64_t mend_us;    // when the next ones are asked for
    uint32_t mend_shard; // the last one asked for: the next ones come behind it
    bool has_mend_after;
    uint8_t mend_after[TREE_KEY_SIZE];
    uint64_t alarm_us; // of the last alarm about digests
    uint64_t asked_us; // when all members were last asked for actor and guests
    bool offers_due;   // at once: a link came up, somebody asks
    // since start
    uint64_t pulled_items, pulled_bytes, fills, alarms, adopted;
};

// repair.c
bool repair_ready(struct node *node); // a member of a cluster, and the states are for its topology
struct local *local_find(const struct node *node, uint32_t shard);
struct local *local_take(struct node *node, uint32_t shard); // makes it
void local_free(struct node *node, struct local *local);
struct other *other_find(const struct local *local, uint64_t node_id);
struct other *other_take(struct local *local, uint64_t node_id); // a guest is added
void other_forget(struct local *local, struct other *other);     // a guest that has gone
void page_answer(struct node *node, uint64_t to, const struct message *answer,
                 const struct page *page, uint64_t position);
// The tree key and the store's key of an item; ERR_PROTOCOL when it is not of this shard.
int page_item_key(const struct node *node, uint32_t shard, struct page_item *item, struct key *out);
int giver_allows(struct node *node, uint64_t from, uint32_t shard, bool whole);
void page_of_effects(struct node *node, const struct store_effects *effects, struct page *page);

// pull.c
void work_turn(struct node *node);  // begins what there is to do
void pulls_turn(struct node *node); // what waited for the budget, what is late
void pull_answered(struct node *node, uint64_t from, const struct message *message);
void pull_ask(struct node *node, struct pull *pull); // again with where we are now, or waits
void pull_over(struct node *node, struct pull *pull, int err);    // 0: all that it had
void pull_refused(struct node *node, struct pull *pull, int err); // by the other side
uint64_t wait_longer(uint64_t wait_us, uint64_t least_us);

// offer.c
// Equal in all that is offered but the digests, and these can be compared: a rest is of something
// that the clock does not have, and what the key holds shows it already.
bool offers_settled(const struct offer *a, const struct offer *b);
void offers_turn(struct node *node);
void offers_taken(struct node *node, uint64_t from, const struct offers *offers);

// sync.c
void sync_ask(struct node *node, struct pull *pull, struct other *other);
void sync_asked(struct node *node, uint64_t from, const struct message *message);
void sync_taken(struct node *node, struct pull *pull, const struct page *page);

// fill.c
void fill_ask(struct node *node, struct pull *pull);
void fill_asked(struct node *node, uint64_t from, const struct message *message);
void fill_taken(struct node *node, struct pull *pull, const struct page *page);

// compare.c
void compare_ask(struct node *node, struct pull *pull);
void compare_taken(struct node *node, struct pull *pull, const struct page *page);

// mend.c
void mend_turn(struct node *node);

// adopt.c
bool adopt_wanted(const struct node *node, const struct local *local);
void adopt_some(struct node *node, struct local *local); // when all are well
// Enters dots as writes without a version: so many of them as a clock and a dot log may take.
int dots_adopt(struct node *node, const uint8_t *tree_key, struct clock *dead);

// drain.c
void drain_turn(struct node *node);
void repair_ask_all(struct node *node); // for actor and guests; not too often

#endif
