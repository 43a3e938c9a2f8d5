// SPDX-License-Identifier: Apache-2.0
// What stands on the disks. Replicas that hold the same are shown as one line:
//
//     n1 n2 n3  {n1a:1} | n1a:1=red | -
//
// clock of the shard | versions of the key | rest.
#include "tests/lib/scenario_stage.h"

#include "base/check.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 64 };

static bool is_owner(const struct stage *stage, uint32_t node, uint32_t shard)
{
    int member = topology_member(stage->topology, host_member(stage->sim, node)->id);

    return topology_rank(stage->topology, shard, member) >= 0;
}

static bool is_passed(struct store *store, const struct key *key)
{
    uint8_t tree_key[TREE_KEY_SIZE];
    struct store_fill fill;

    key_tree(key, tree_key);
    return store_fill(store, key->shard, &fill) && fill.cursor &&
           memcmp(tree_key, fill.cursor, TREE_KEY_SIZE) <= 0;
}

static void role_say(const struct stage *stage, uint32_t node, const struct key *key,
                     struct buffer *out)
{
    struct store *store = host_store(stage->sim, node);
    struct store_shard state;

    store_shard(store, key->shard, &state);
    if (!is_owner(stage, node, key->shard))
        buffer_add_format(out, " (guest)");
    else if (state.filling)
        buffer_add_format(out, " (filling, %s this key)",
                          is_passed(store, key) ? "past" : "before");
    else if (!state.born)
        buffer_add_format(out, " (not complete)");
}

static void object_say(struct stage *stage, struct store *store, const struct key *key,
                       struct buffer *out)
{
    const struct clock *clock = store_clock(store, key->shard);
    struct clock rest = clock_in(&stage->arena);
    struct store_view view;
    int err;

    buffer_add_format(out, "  ");
    say_clock(stage, clock, out);
    err = store_read(store, key, &stage->arena, &view);
    if (err) {
        buffer_add_format(out, " | %s", err_code(err));
        return;
    }
    buffer_add_format(out, " | ");
    say_versions(stage, view.object.versions, view.object.count, out);
    buffer_add_format(out, " | ");
    clock_copy(&rest, &view.object.rest);
    clock_subtract(&rest, clock);
    if (rest.count)
        say_clock(stage, &rest, out);
    else
        buffer_add_format(out, "-");
}

// What a node holds, behind its name; nothing for a stranger to the shard.
static void replica_say(struct stage *stage, uint32_t node, const struct key *key,
                        struct buffer *out)
{
    struct store *store = host_store(stage->sim, node);

    if (!store) {
        buffer_add_format(out, "  down");
        return;
    }
    if (store_shards(store) == 0) {
        buffer_add_format(out, "  belongs to no cluster yet");
        return;
    }
    if (!is_owner(stage, node, key->shard) && store_clock(store, key->shard)->count == 0)
        return;
    role_say(stage, node, key, out);
    object_say(stage, store, key, out);
}

static void replicas_say(struct stage *stage, const struct key *key)
{
    struct buffer texts[STAGE_NODES_MAX] = {0};
    uint32_t nodes = sim_nodes(stage->sim);
    bool told[STAGE_NODES_MAX] = {0};

    for (uint32_t node = 0; node < nodes; node++)
        replica_say(stage, node, key, &texts[node]);
    for (uint32_t node = 0; node < nodes; node++) {
        if (told[node] || texts[node].size == 0)
            continue;
        for (uint32_t other = node; other < nodes; other++) {
            if (!slice_equal(buffer_slice(&texts[node]), buffer_slice(&texts[other])))
                continue;
            told[other] = true;
            buffer_add_format(stage->out, "%sn%" PRIu32, other == node ? "" : " ", other + 1);
        }
        buffer_add_slice(stage->out, buffer_slice(&texts[node]));
        buffer_add_format(stage->out, "\n");
    }
    for (uint32_t node = 0; node < nodes; node++)
        buffer_done(&texts[node]);
}

static void show_key(struct stage *stage, const char *name, const char *bucket)
{
    struct key key;

    if (!name || key_make(stage->topology->seed, stage->topology->shards, slice_of_text(bucket),
                          slice_of_text(name), &key)) {
        stage_wrong(stage, "show what?");
        return;
    }
    replicas_say(stage, &key);
}

static void show_guests(struct stage *stage)
{
    struct store_shard state;
    bool any = false;

    for (uint32_t node = 0; node < sim_nodes(stage->sim); node++) {
        struct store *store = host_store(stage->sim, node);

        for (uint32_t shard = 0; store && shard < store_shards(store); shard++) {
            if (is_owner(stage, node, shard) || store_clock(store, shard)->count == 0)
                continue;
            store_shard(store, shard, &state);
            buffer_add_format(stage->out,
                              "n%" PRIu32 " is a guest of shard %" PRIu32 ": %" PRIu64
                              " keys, clock ",
                              node + 1, shard, state.keys);
            say_clock(stage, store_clock(store, shard), stage->out);
            buffer_add_format(stage->out, "\n");
            any = true;
        }
    }
    if (!any)
        buffer_add_format(stage->out, "no guests\n");
}

static void show_log(struct stage *stage)
{
    for (uint32_t node = 0; node < sim_nodes(stage->sim); node++) {
        struct store_totals totals;

        if (!host_store(stage->sim, node))
            continue;
        store_totals(host_store(stage->sim, node), &totals);
        buffer_add_format(stage->out, "%sn%" PRIu32 ": %" PRIu64, node ? "; " : "", node + 1,
                          totals.dots);
    }
    buffer_add_format(stage->out, "\n");
}

// How many objects each owner holds, those without versions (only a rest) counted too.
static void show_keys(struct stage *stage)
{
    for (uint32_t node = 0; node < sim_nodes(stage->sim); node++) {
        struct store *store = host_store(stage->sim, node);
        uint64_t keys = 0;
        struct store_shard state;

        for (uint32_t shard = 0; store && shard < store_shards(store); shard++) {
            store_shard(store, shard, &state);
            keys += state.keys;
        }
        buffer_add_format(stage->out, "%sn%" PRIu32 ": ", node ? "; " : "", node + 1);
        buffer_add_format(stage->out, store ? "%" PRIu64 : "down", keys);
    }
    buffer_add_format(stage->out, "\n");
}

void scene_show(struct stage *stage, struct words *words)
{
    const char *bucket = script_value(words, "bucket", "b");

    if (script_flag(words, "guests"))
        show_guests(stage);
    else if (script_flag(words, "log"))
        show_log(stage);
    else if (script_flag(words, "keys"))
        show_keys(stage);
    else
        show_key(stage, script_next(words), bucket);
}

// ---- convergence --------------------------------------------------------------------------------

static bool rest_left(struct stage *stage, struct store *store, uint32_t shard)
{
    struct store_scan scan = {.shard = shard, .items_max = PAGE, .bytes_max = 1 << 20};
    struct store_page page;
    bool left = false;

    do {
        check(store_rests(store, &scan, &stage->arena, &page) == 0);
        for (uint32_t i = 0; i < page.count; i++)
            left |= !clock_covers(store_clock(store, shard), &page.items[i].object.rest);
        scan.after = page.reached;
    } while (page.more && !left);
    return left;
}

static const char *owner_unequal(struct stage *stage, uint32_t node, uint32_t shard)
{
    struct store *store = host_store(stage->sim, node);
    struct store_shard state;

    store_shard(store, shard, &state);
    if (!state.born || state.filling)
        return "is not complete";
    if (state.unknown)
        return "has damaged keys";
    if (state.dots)
        return "has entries in its dot log";
    return rest_left(stage, store, shard) ? "has a rest" : NULL;
}

static const char *pair_unequal(struct stage *stage, uint32_t node, uint32_t first, uint32_t shard)
{
    struct store *a = host_store(stage->sim, first);
    struct store *b = host_store(stage->sim, node);
    struct store_shard left;
    struct store_shard right;

    store_shard(a, shard, &left);
    store_shard(b, shard, &right);
    if (!clock_equal(store_clock(a, shard), store_clock(b, shard)))
        return "has another clock than the owner before it";
    if (left.digest != right.digest || left.keys != right.keys)
        return "holds other versions than the owner before it";
    return NULL;
}

static const char *node_unequal(struct stage *stage, uint32_t node, uint32_t shard, int *last)
{
    struct store *store = host_store(stage->sim, node);
    const char *what = NULL;

    if (!store || store_shards(store) != stage->topology->shards)
        return is_owner(stage, node, shard) ? "is down" : NULL;
    if (!is_owner(stage, node, shard))
        return store_clock(store, shard)->count ? "is a guest" : NULL;
    if (*last >= 0)
        what = pair_unequal(stage, node, (uint32_t)*last, shard);
    *last = (int)node;
    return what ? what : owner_unequal(stage, node, shard);
}

const char *stage_unequal(struct stage *stage)
{
    for (uint32_t shard = 0; shard < stage->topology->shards; shard++) {
        int last = -1;

        for (uint32_t node = 0; node < sim_nodes(stage->sim); node++) {
            const char *what = node_unequal(stage, node, shard, &last);

            if (what)
                return arena_text(&stage->arena, "n%" PRIu32 " %s", node + 1, what);
        }
    }
    return NULL;
}
