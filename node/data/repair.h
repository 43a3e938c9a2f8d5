// SPDX-License-Identifier: Apache-2.0
// What replicas of a shard tell each other in order to become equal: offers ("this is what I have
// for good"), needs ("send what I lack") and pages (the answers). Plain values and their
// layouts; all slices and clocks are borrowed or live in the arena given.
//
// Source: Goncalves, Almeida, Baquero, Fonte, "DottedDB: Anti-Entropy without Merkle Trees, Deletes
// without Tombstones" (SRDS 2017), section IV, the anti-entropy protocol; here without sessions:
// each page stands for itself, and a dot enters a clock only together with its effect.
#ifndef NODE_DATA_REPAIR_H
#define NODE_DATA_REPAIR_H

#include "node/data/key.h"
#include "node/data/object.h"

// ---- offers -------------------------------------------------------------------------------------

enum {
    OFFER_ASK = 1,    // I do not know yours to be equal: tell me
    OFFER_SERVES = 2, // complete: may feed others
    OFFER_GUEST = 4,  // I own none of this; my copy goes when its owners have it
    OFFER_RESTS = 8,  // some object here may know of more than the clock
    OFFER_FLAGS = 15
};

// The durable state of one shard replica: clock, digest, flags and count as of one moment.
struct offer {
    uint32_t shard;
    uint32_t flags;
    uint64_t digest;  // over (key, dots), see version_digest
    uint64_t unknown; // damaged keys not yet rebuilt
    struct clock clock;
};

// All that a node offers at one time to one peer.
struct offers {
    uint64_t actor;  // of the life that offers: what an older one said counts no more
    uint32_t guests; // shards of which it holds something without owning them
    bool ask;        // tell me the same about you, be there nothing to offer
    struct offer *items;
    uint32_t count;
};

enum { OFFERS_MAX = SHARDS_MAX }; // in one message

//   u64 actor, varint guests, u8 ask, varint count, per offer:
//          varint shard, u8 flags, u64 digest, varint unknown, clock
void offers_encode(const struct offers *offers, struct buffer *out);

// ERR_PROTOCOL for anything but the above; needs not be the reader's end.
int offers_decode(struct reader *reader, struct arena *arena, struct offers *out);

// ---- needs --------------------------------------------------------------------------------------

enum fill_mode {
    FILL_WHOLE,  // give me everything
    FILL_COMPARE // equal clocks and another digest: give me what you hold, key by key
};

struct need {
    uint32_t shard;
    // sync
    struct clock have; // the asker's clock now
    struct clock want; // what it was offered
    // fill
    enum fill_mode mode;
    struct clock start;           // of the fill that goes on; empty: a new one begins
    bool has_after;               // false: from the first key on
    uint8_t after[TREE_KEY_SIZE]; // the page begins behind this key
};

//   sync:  varint shard, clock have, clock want
//   fill:  varint shard, u8 mode, clock start, u8 0 or 1, then with 1: 16 bytes
void need_encode_sync(const struct need *need, struct buffer *out);
void need_encode_fill(const struct need *need, struct buffer *out);
int need_decode_sync(struct reader *reader, struct arena *arena, struct need *out);
int need_decode_fill(struct reader *reader, struct arena *arena, struct need *out);

// ---- pages --------------------------------------------------------------------------------------

// One key. Without a name (bucket and key empty) the giver knows only that it is gone, and the tree
// key says which; with a name the receiver computes the tree key itself.
struct page_item {
    struct slice bucket;
    struct slice key;
    uint8_t tree_key[TREE_KEY_SIZE]; // of a nameless item
    struct object object;            // versions, and what it knows beyond the page's context
    struct clock dots;               // of this key in the giver's dot log
};

struct page {
    uint32_t shard;
    bool more;
    struct clock context; // the giver's clock as of reading: of every item
    // fill
    bool has_upto;
    struct clock start;
    uint8_t upto[TREE_KEY_SIZE]; // with has_upto: the keys up to here are decided by this page
    struct page_item *items;
    uint32_t count;
};

enum { PAGE_ITEMS_MAX = 1024 };

//   varint shard, u8 flags (1 more, 2 upto), clock context, clock start, with 2: 16 bytes upto,
//   varint count, per item:
//          u8 bucket size, bucket, then with 0: 16 bytes tree key, else varint key size, key
//          object (versions and rest), clock dots without those of the versions
void page_encode(const struct page *page, struct buffer *out);
int page_decode(struct reader *reader, struct arena *arena, struct page *out);

// What an item is to its receiver: a delta whose context is the page's context, the item's rest and
// the dots of its versions, and which stands for the item's dots. In the arena.
void page_item_delta(const struct page *page, const struct page_item *item, struct arena *arena,
                     struct delta *out);

#endif
