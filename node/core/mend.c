// SPDX-License-Identifier: Apache-2.0
// Damaged keys are rebuilt without anybody asking for them. A record that fails its checksum cannot
// even be trusted with its name, so the other owners are asked for it by the key's hash:
//
//     store: unknown tree key ──▶ NAME ──▶ the other owners
//     one has it   ──▶ NAMED bucket, key ──▶ rebuild.c: a read by name of all who may know
//     one that knows all that we know holds nothing ──▶ the key is empty here too
#include "node/core/repair.h"

#include <inttypes.h>

enum { MEND_US = 1000000 };

// ---- asking -------------------------------------------------------------------------------------

static void name_ask(struct node *node, const struct mend *mend)
{
    const struct local *local = local_find(node, mend->shard);
    struct message message = {
        .kind = MESSAGE_NAME,
        .record = arena_copy(&node->arena, slice_of(mend->tree_key, TREE_KEY_SIZE))};

    for (uint32_t i = 0; i < local->other_count; i++) {
        const struct other *other = local->others[i];

        if (other->owner && node_reachable(node, other->node))
            node_send(node, other->node, &message);
    }
}

// The damaged keys of one shard behind the last one asked for, as many as there is room for.
static void shard_take(struct node *node, uint32_t shard)
{
    struct repair *repair = node->repair;
    const uint8_t *after = repair->has_mend_after ? repair->mend_after : NULL;
    struct mend mend = {.shard = shard};

    while (repair->mend_count < MENDS_MAX &&
           store_unknown_next(node->store, shard, after, mend.tree_key)) {
        repair->mends[repair->mend_count++] = mend;
        memcpy(repair->mend_after, mend.tree_key, TREE_KEY_SIZE);
        repair->has_mend_after = true;
        after = repair->mend_after;
        name_ask(node, &mend);
    }
}

void mend_turn(struct node *node)
{
    struct repair *repair = node->repair;
    struct store_totals totals;

    if (node->now_us < repair->mend_us)
        return;
    repair->mend_us = node->now_us + MEND_US;
    repair->mend_count = 0;
    store_totals(node->store, &totals);
    if (totals.unknown == 0)
        return;
    repair_ask_all(node);
    // Once round, and the shard that was begun last to its end.
    for (uint32_t i = 0; i <= repair->shards; i++) {
        const struct local *local = local_find(node, repair->mend_shard);

        if (local && local->owned)
            shard_take(node, repair->mend_shard);
        if (repair->mend_count == MENDS_MAX)
            return;
        repair->mend_shard = (repair->mend_shard + 1) % repair->shards;
        repair->has_mend_after = false;
    }
}

// ---- answering ----------------------------------------------------------------------------------

// The first key behind the one before this hash: this one, if it is there.
static int name_find(struct node *node, const struct key *key, const uint8_t *tree_key,
                     struct store_item *out)
{
    uint8_t before[TREE_KEY_SIZE];
    struct store_scan scan = {.shard = key->shard, .items_max = 1, .bytes_max = 1};
    struct store_page page;
    int at = TREE_KEY_SIZE;
    int err;

    memcpy(before, tree_key, TREE_KEY_SIZE);
    while (at > 0 && before[at - 1]-- == 0)
        at -= 1;
    scan.after = at > 0 ? before : NULL;
    err = store_scan(node->store, &scan, &node->arena, &page);
    if (err)
        return err;
    if (page.count == 0 || memcmp(page.items[0].tree_key, tree_key, TREE_KEY_SIZE) != 0)
        return ERR_NOT_FOUND;
    *out = page.items[0];
    return out->bucket.size ? 0 : ERR_NOT_FOUND;
}

void mend_asked(struct node *node, uint64_t from, const struct message *message)
{
    struct message answer = {.kind = MESSAGE_NAMED, .record = message->record};
    struct store_item item;
    struct store_view view;
    struct key key;

    if (!repair_ready(node) || message->record.size != TREE_KEY_SIZE)
        return;
    key = key_of_tree(message->record.data, node->topology->shards);
    if (topology_rank(node->topology, key.shard, node->self) < 0)
        return; // (a copy that is not complete tells exactly what it has seen, little as it may be)
    answer.err = store_read(node->store, &key, &node->arena, &view); // damaged here as well?
    if (!answer.err)
        answer.err = name_find(node, &key, message->record.data, &item);
    if (answer.err == ERR_NOT_FOUND) {
        answer.object.rest = clock_in(&node->arena);
        clock_copy(&answer.object.rest, store_clock(node->store, key.shard));
    }
    if (!answer.err) {
        answer.bucket = item.bucket;
        answer.key = item.key;
    }
    node_send(node, from, &answer);
}

// ---- mending ------------------------------------------------------------------------------------

static struct mend *mend_find(struct repair *repair, struct slice tree_key)
{
    for (uint32_t i = 0; i < repair->mend_count && tree_key.size == TREE_KEY_SIZE; i++) {
        if (memcmp(repair->mends[i].tree_key, tree_key.data, TREE_KEY_SIZE) == 0)
            return &repair->mends[i];
    }
    return NULL;
}

// What others were told of the key is not here any more. What they had seen beyond our clock stays
// in the rest: it may be what ended the versions.
static void mend_empty(struct node *node, const struct mend *mend, const struct clock *seen)
{
    struct key key = key_of_tree(mend->tree_key, node->topology->shards);
    struct object nothing = {.rest = *seen};
    uint64_t position;

    if (store_rebuild(node->store, &key, &nothing, &position) == 0)
        node->counts.rebuilt += 1;
}

// Whether all other owners have told that they hold nothing of the key, or nothing whole, and
// nobody else can have anything. (A key that is damaged in all complete copies stays so: that is no
// rot, and for a person to look at.)
static bool nothing_is_final(struct node *node, const struct mend *mend)
{
    const struct topology *topology = node->topology;
    uint32_t own = (uint32_t)topology_rank(topology, mend->shard, node->self);
    uint32_t others = ((UINT32_C(1) << topology->replicas) - 1) & ~(UINT32_C(1) << own);

    if (!mend->nothing || (mend->told & others) != others || !repair_all_well(node))
        return false;
    node_log(node, LOG_ALARM,
             "a damaged record in shard %" PRIu32 " held a write that nobody else has: it is lost",
             mend->shard);
    return true;
}

// Nothing of the key (`seen`: by then), or nothing whole (NULL). That is enough from somebody who
// had seen all that our record may hold.
static void nothing_told(struct node *node, uint64_t from, struct mend *mend,
                         const struct clock *seen)
{
    const struct topology *topology = node->topology;
    int rank = topology_rank(topology, mend->shard, topology_member(topology, from));
    struct clock claims = clock_in(&node->arena);
    struct clock none = clock_in(&node->arena);

    if (rank < 0)
        return;
    mend->told |= UINT32_C(1) << rank;
    mend->nothing |= seen && owner_serves(node, mend->shard, from);
    rebuild_claims(node, mend->shard, &claims);
    if ((seen && clock_covers(seen, &claims)) || nothing_is_final(node, mend))
        mend_empty(node, mend, seen ? seen : &none);
}

void mend_named(struct node *node, uint64_t from, const struct message *message)
{
    const struct topology *topology = node->topology;
    uint8_t tree_key[TREE_KEY_SIZE];
    struct store_view view;
    struct mend *mend;
    struct key key;

    if (!repair_ready(node) || !(mend = mend_find(node->repair, message->record)))
        return;
    key = key_of_tree(mend->tree_key, topology->shards);
    if (store_read(node->store, &key, &node->arena, &view) != ERR_DAMAGED)
        return; // it has been rebuilt meanwhile
    if (message->err == ERR_NOT_FOUND || message->err == ERR_DAMAGED)
        nothing_told(node, from, mend,
                     message->err == ERR_NOT_FOUND ? &message->object.rest : NULL);
    if (message->err ||
        key_make(topology->seed, topology->shards, message->bucket, message->key, &key))
        return;
    key_tree(&key, tree_key);
    if (memcmp(tree_key, mend->tree_key, TREE_KEY_SIZE) == 0)
        rebuild_start(node, &key);
}
