// SPDX-License-Identifier: Apache-2.0
// Two owners with equal clocks and unequal digests: one has lost or gained something behind the
// store's back (a fault of the disk, of memory or of ours). Both go through the other's copy key by
// key; presence wins, because absence may be damage and a copy more is what a person can delete.
//
// Which versions a key must have follows from the clock, so a page is compared only while its
// context equals our clock; otherwise the comparison ends and is tried again in a quieter moment.
//
// On the way damaged records here get the names of their keys back, and are rebuilt from a quorum:
// the same walk, for a shard with damaged keys, whatever the clocks.
#include "node/core/repair.h"

#include <inttypes.h>

void compare_ask(struct node *node, struct pull *pull)
{
    struct need *need = arena_new(&node->arena, sizeof *need);
    struct message message = {.kind = MESSAGE_FILL, .op = pull->op, .need = need};

    need->shard = pull->shard;
    need->mode = FILL_COMPARE;
    need->start = clock_in(&node->arena);
    need->has_after = pull->has_after;
    memcpy(need->after, pull->after, TREE_KEY_SIZE);
    node_send(node, pull->node, &message);
}

static bool holds(const struct object *object, struct dot dot)
{
    for (uint32_t i = 0; i < object->count; i++) {
        if (dot_compare(object->versions[i].dot, dot) == 0)
            return true;
    }
    return false;
}

static bool version_over(const struct node *node, const struct version *version)
{
    return version->expires_ms && version->expires_ms <= node->wall_ms;
}

// The versions of both, by dot; false when ours has all of theirs already.
static bool versions_unite(struct node *node, const struct object *ours,
                           const struct object *theirs, struct object *out)
{
    uint32_t at = 0;
    bool more = false;

    out->versions =
        arena_alloc(&node->arena, (ours->count + theirs->count) * sizeof *out->versions);
    out->count = 0;
    for (uint32_t i = 0; i < theirs->count; i++) {
        const struct version *version = &theirs->versions[i];

        if (holds(ours, version->dot) || version_over(node, version))
            continue;
        while (at < ours->count && dot_compare(ours->versions[at].dot, version->dot) < 0)
            out->versions[out->count++] = ours->versions[at++];
        out->versions[out->count++] = *version;
        more = true;
    }
    while (at < ours->count)
        out->versions[out->count++] = ours->versions[at++];
    out->rest = ours->rest;
    return more;
}

static bool still_equal(const struct node *node, const struct page *page)
{
    return clock_equal(&page->context, store_clock(node->store, page->shard));
}

static int item_compare(struct node *node, const struct page *page, struct page_item *item)
{
    struct object united;
    struct store_view view;
    struct key key;
    uint64_t position;
    int err = page_item_key(node, page->shard, item, &key);

    if (err || !item->object.count)
        return 0;
    err = store_read(node->store, &key, &node->arena, &view);
    if (err == ERR_DAMAGED)
        rebuild_start(node, &key);
    if (err == ERR_DAMAGED || err == ERR_COLLISION)
        return 0;
    if (!still_equal(node, page))
        return err;
    if (err || !versions_unite(node, &view.object, &item->object, &united))
        return err;
    node->counts.rebuilt += 1;
    return store_rebuild(node->store, &key, &united, &position);
}

void compare_taken(struct node *node, struct pull *pull, const struct page *page)
{
    struct store_shard shard;
    int err = 0;

    store_shard(node->store, pull->shard, &shard);
    if (!shard.unknown && !still_equal(node, page)) {
        pull_over(node, pull, 0);
        return;
    }
    for (uint32_t i = 0; i < page->count && !err; i++)
        err = item_compare(node, page, &page->items[i]);
    if (err || !page->has_upto) {
        if (!err)
            node_log(node, LOG_WARNING, "shard %" PRIu32 ": compared with %s key by key",
                     pull->shard, node_name_of(node, pull->node));
        pull_over(node, pull, err);
        return;
    }
    pull->has_after = true;
    memcpy(pull->after, page->upto, TREE_KEY_SIZE);
    pull_ask(node, pull);
}
