// SPDX-License-Identifier: Apache-2.0
// The store's parts one by one: collisions, damage, expiry, rests, the dot log, meta records.
#include "base/err.h"
#include "base/rng.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENT = 64 << 10 };

// Two keys with one hash: the second is refused, wherever the first is stored.
static void test_equal_hashes_are_refused(void **state)
{
    struct key one = kit_key("one");
    struct key two = kit_key("two");
    struct store_view view;
    struct kit kit;

    (void)state;
    two.low = one.low;
    two.high = one.high;
    two.shard = one.shard;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "one", slice_of_text("1")), 0);
    for (int checkpointed = 0; checkpointed < 2; checkpointed++) {
        struct delta delta = {.context = clock_in(&kit.arena), .dots = clock_in(&kit.arena)};
        struct dot dot = store_mint(kit.store, two.shard);
        struct object object = {0};
        uint64_t position;

        clock_add(&delta.context, dot);
        clock_add(&delta.dots, dot);
        assert_int_equal(store_read(kit.store, &two, &kit.arena, &view), ERR_COLLISION);
        assert_int_equal(store_apply(kit.store, &two, &delta, &kit.arena, &position),
                         ERR_COLLISION);
        assert_int_equal(store_rebuild(kit.store, &two, &object, &position), ERR_COLLISION);
        assert_string_equal(kit_get(&kit, "one"), "1");
        if (!checkpointed)
            assert_int_equal(kit_checkpoint(&kit), 0);
    }
    // Once the first is gone, the place is free.
    assert_int_equal(kit_delete(&kit, "one"), 0);
    assert_int_equal(store_read(kit.store, &two, &kit.arena, &view), 0);
    kit_done(&kit);
}

// Deletes a key for a dot, in the knowledge of another one as well.
static void delete_for(struct kit *kit, const struct key *key, struct dot dot, struct dot known)
{
    struct delta delta = {.context = clock_in(&kit->arena), .dots = clock_in(&kit->arena)};
    uint64_t position;

    clock_add(&delta.context, dot);
    clock_add(&delta.context, known);
    clock_add(&delta.dots, dot);
    assert_int_equal(store_apply(kit->store, key, &delta, &kit->arena, &position), 0);
}

// A deleted key whose rest the clock has caught up with holds no place, stripped or not yet: else a
// key with its hash, let in after the strip, would be refused when the log is replayed.
static void test_place_of_an_empty_record_is_free(void **state)
{
    struct key one = kit_key("one");
    struct key two = kit_key("two");
    struct dot foreign = {99, 1};
    struct key other = one;
    struct store_view view;
    struct kit kit;

    (void)state;
    two.low = one.low;
    two.high = one.high;
    two.shard = one.shard;
    other.high += 1;
    kit_init(&kit, SEGMENT);
    delete_for(&kit, &one, store_mint(kit.store, one.shard), foreign);
    assert_int_equal(kit_checkpoint(&kit), 0);
    delete_for(&kit, &other, foreign, foreign);
    for (int stripped = 0; stripped < 2; stripped++) {
        assert_int_equal(store_read(kit.store, &two, &kit.arena, &view), 0);
        assert_int_equal(view.object.count, 0);
        kit_turn(&kit);
    }
    delete_for(&kit, &two, store_mint(kit.store, two.shard), (struct dot){98, 1});
    kit_turn(&kit);
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_int_equal(store_read(kit.store, &two, &kit.arena, &view), 0);
    assert_true(clock_contains(&view.object.rest, (struct dot){98, 1}));
    kit_done(&kit);
}

static void damage(struct kit *kit, const char *name)
{
    struct key key = kit_key(name);
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(&key, tree_key);
    store_turn_end(kit->store, kit->now_ms); // what a turn has found it may use to its end
    assert_true(tree_memory_flip(kit->tree, TREE_OBJECTS, slice_of(tree_key, TREE_KEY_SIZE), 20));
}

// Each byte of a record: the key is unknown, never another value, until it is rebuilt.
static void test_damaged_record_is_unknown_until_rebuilt(void **state)
{
    struct key key = kit_key("k");
    struct store_shard before;
    struct store_shard after;
    struct store_view view;
    struct object object;
    uint64_t position;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("value")), 0);
    assert_int_equal(kit_put(&kit, "other", slice_of_text("other")), 0);
    assert_int_equal(kit_checkpoint(&kit), 0);
    store_shard(kit.store, key.shard, &before);
    assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
    object_copy(&kit.arena, &view.object, &object);
    damage(&kit, "k");
    assert_null(kit_get(&kit, "k"));
    assert_int_equal(kit.err, ERR_DAMAGED);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("new")), ERR_DAMAGED);
    assert_string_equal(kit_get(&kit, "other"), "other");
    store_shard(kit.store, key.shard, &after);
    assert_int_equal(after.unknown, 1);

    assert_int_equal(store_rebuild(kit.store, &key, &object, &position), 0);
    assert_string_equal(kit_get(&kit, "k"), "value");
    store_shard(kit.store, key.shard, &after);
    assert_int_equal(after.unknown, 0);
    assert_int_equal(after.keys, before.keys);
    assert_int_equal(after.bytes, before.bytes);
    assert_true(after.digest == before.digest);
    kit_turn(&kit);
    kit_crash(&kit, DISK_CRASH_LOSE); // with the damaged record still in the tree
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "k"), "value");
    store_shard(kit.store, key.shard, &after);
    assert_true(after.digest == before.digest && after.unknown == 0 && after.keys == before.keys);
    kit_done(&kit);
}

// Unknown is remembered over a restart, and a scan goes on behind a damaged record.
static void test_unknown_keys_are_kept(void **state)
{
    struct store_totals totals;
    struct kit kit;
    uint32_t seen = 0;

    (void)state;
    kit_init(&kit, SEGMENT);
    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(kit_put(&kit, name, slice_of_text("v")), 0);
    }
    assert_int_equal(kit_checkpoint(&kit), 0);
    damage(&kit, "k3");
    for (uint32_t shard = 0; shard < KIT_SHARDS; shard++) {
        struct store_scan scan = {shard, NULL, 100, 1 << 20};
        struct store_page page;

        assert_int_equal(store_scan(kit.store, &scan, &kit.arena, &page), 0);
        seen += page.count;
    }
    assert_int_equal(seen, 19);
    assert_int_equal(store_close(kit.store), 0);
    assert_int_equal(kit_open(&kit), 0);
    store_totals(kit.store, &totals);
    assert_int_equal(totals.unknown, 1);
    assert_null(kit_get(&kit, "k3"));
    kit_done(&kit);
}

// More keys are damaged than can be listed: their shards must not pass for complete.
static void test_unknown_keys_beyond_the_bound_are_not_forgotten(void **state)
{
    struct key key = kit_key("one");
    struct store_shard shard;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "one", slice_of_text("1")), 0);
    assert_int_equal(kit_checkpoint(&kit), 0);
    for (uint64_t i = 0; i < UNKNOWN_MAX; i++) {
        uint8_t tree_key[TREE_KEY_SIZE] = {0};

        key_shard_first((key.shard + 1) % KIT_SHARDS, KIT_SHARDS, tree_key);
        bytes_put_u64_big(tree_key + 8, i);
        damage_note(kit.store, tree_key);
    }
    damage(&kit, "one");
    assert_null(kit_get(&kit, "one"));
    assert_int_equal(kit.err, ERR_DAMAGED);
    store_shard(kit.store, key.shard, &shard);
    assert_int_equal(shard.unknown, 1);
    kit_done(&kit);
}

static void test_expired_versions_are_swept(void **state)
{
    struct store_totals totals;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "stays", slice_of_text("v")), 0);
    assert_int_equal(store_sweep(kit.store, UINT64_MAX, 100), 0); // nothing has an expiry
    for (int i = 0; i < 10; i++) {
        char name[16];

        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(kit_put_expiring(&kit, name, "v", 100 + (uint64_t)i), 0);
        if (i == 5)
            assert_int_equal(kit_checkpoint(&kit), 0);
    }
    assert_int_equal(store_sweep(kit.store, 99, 100), 0);
    assert_int_equal(store_sweep(kit.store, 104, 100), 5);
    assert_string_equal(kit_get(&kit, "k4"), "");
    assert_string_equal(kit_get(&kit, "k5"), "v");
    kit_turn(&kit);
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "k4"), "");
    for (uint32_t dropped = 0, rounds = 0; dropped < 5; rounds++) {
        dropped += store_sweep(kit.store, UINT64_MAX, 3);
        assert_true(rounds < 10);
    }
    store_totals(kit.store, &totals);
    assert_int_equal(totals.keys, 1);
    assert_int_equal(kit_checkpoint(&kit), 0);
    assert_string_equal(kit_get(&kit, "stays"), "v");
    kit_done(&kit);
}

// A rest goes when the clock catches up: from memory, from the tree, and a key that only remembered
// something is erased.
static void test_rests_are_stripped_when_the_clock_catches_up(void **state)
{
    struct key key = kit_key("k");
    struct slice tree_key;
    uint8_t bytes[TREE_KEY_SIZE];
    struct store_view view;
    uint64_t position;
    struct slice value;
    struct kit kit;

    (void)state;
    key_tree(&key, bytes);
    tree_key = slice_of(bytes, TREE_KEY_SIZE);
    for (int checkpointed = 0; checkpointed < 2; checkpointed++) {
        struct delta delta = {0};
        int err;

        kit_init(&kit, SEGMENT);
        delta.context = clock_in(&kit.arena);
        delta.dots = clock_in(&kit.arena);
        // A delete that saw a write we have not seen.
        clock_add(&delta.context, (struct dot){50, 1});
        clock_add(&delta.context, (struct dot){50, 2});
        clock_add(&delta.dots, (struct dot){50, 2});
        assert_int_equal(store_apply(kit.store, &key, &delta, &kit.arena, &position), 0);
        assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
        assert_int_equal(view.object.rest.count, 1);
        if (checkpointed) {
            assert_int_equal(kit_checkpoint(&kit), 0);
            assert_int_equal(kit.tree->calls->get(kit.tree, TREE_RESTS, tree_key, &value), 0);
        }
        // The write itself, late: it must not come back.
        delta = (struct delta){.context = clock_in(&kit.arena), .dots = clock_in(&kit.arena)};
        clock_add(&delta.context, (struct dot){50, 1});
        clock_add(&delta.dots, (struct dot){50, 1});
        delta.versions = &(struct version){.dot = {50, 1}, .value = slice_of_text("late")};
        delta.count = 1;
        assert_int_equal(store_apply(kit.store, &key, &delta, &kit.arena, &position), 0);
        assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
        assert_int_equal(view.object.count, 0);
        assert_int_equal(view.object.rest.count, 0);
        kit_turn(&kit);
        assert_int_equal(kit_checkpoint(&kit), 0);
        err = kit.tree->calls->get(kit.tree, TREE_OBJECTS, tree_key, &value);
        assert_int_equal(err, ERR_NOT_FOUND);
        err = kit.tree->calls->get(kit.tree, TREE_RESTS, tree_key, &value);
        assert_int_equal(err, ERR_NOT_FOUND);
        kit_done(&kit);
    }
}

// The same when another key brings the dot: the list of rests finds it.
static void test_rests_of_other_keys_are_found(void **state)
{
    struct key key = kit_key("k");
    struct key other = kit_key("k");
    uint8_t bytes[TREE_KEY_SIZE];
    struct store_view view;
    uint64_t position;
    struct slice value;
    struct kit kit;

    (void)state;
    key_tree(&key, bytes);
    for (int i = 0; other.shard != key.shard || slice_equal(other.key, key.key); i++) {
        static char name[16];

        snprintf(name, sizeof name, "o%d", i);
        other = kit_key(name);
    }
    for (int checkpointed = 0; checkpointed < 2; checkpointed++) {
        struct delta delta = {0};

        kit_init(&kit, SEGMENT);
        delta.context = clock_in(&kit.arena);
        delta.dots = clock_in(&kit.arena);
        clock_add_run(&delta.context, (struct run){50, 1, 2});
        clock_add(&delta.dots, (struct dot){50, 2});
        assert_int_equal(store_apply(kit.store, &key, &delta, &kit.arena, &position), 0);
        if (checkpointed)
            assert_int_equal(kit_checkpoint(&kit), 0);
        delta = (struct delta){.context = clock_in(&kit.arena), .dots = clock_in(&kit.arena)};
        clock_add(&delta.context, (struct dot){50, 1});
        clock_add(&delta.dots, (struct dot){50, 1});
        assert_int_equal(store_apply(kit.store, &other, &delta, &kit.arena, &position), 0);
        assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
        assert_true(object_is_empty(&view.object));
        kit_turn(&kit);
        assert_int_equal(kit_checkpoint(&kit), 0);
        assert_int_equal(
            kit.tree->calls->get(kit.tree, TREE_OBJECTS, slice_of(bytes, TREE_KEY_SIZE), &value),
            ERR_NOT_FOUND);
        kit_done(&kit);
    }
}

// The budget drops the oldest dots and the floor says so; what is known everywhere is pruned; all
// of it survives a restart.
static void test_dot_log_keeps_its_budget_and_floor(void **state)
{
    struct key key = kit_key("k");
    struct replica *replica;
    struct clock known = {0};
    struct kit kit;
    uint64_t kept;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(store_set_born(kit.store, key.shard, &kept), 0);
    assert_int_equal(store_close(kit.store), 0);
    kit.settings.dot_log_bytes = 20 * (sizeof(struct dot_entry) + 8);
    assert_int_equal(kit_open(&kit), 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(kit_put(&kit, "k", slice_of_text("v")), 0);
        if (i % 9 == 0)
            assert_int_equal(kit_checkpoint(&kit), 0);
    }
    replica = &kit.store->replicas[key.shard];
    assert_int_equal(replica->dots, 20);
    assert_int_equal(clock_size(&replica->floor), 30);
    assert_true(replica_valid(replica, &kit.store->dot_log, key.shard));
    assert_true(dot_log_bytes(&kit.store->dot_log) <= kit.settings.dot_log_bytes);
    clock_add_run(&known, (struct run){kit.settings.actor, 1, 40});
    replica_prune(replica, &kit.store->dot_log, key.shard, &known, UINT64_MAX);
    clock_done(&known);
    assert_int_equal(replica->dots, 10);
    assert_true(replica_valid(replica, &kit.store->dot_log, key.shard));
    kept = kit.settings.actor;
    assert_int_equal(store_close(kit.store), 0);
    assert_int_equal(kit_open(&kit), 0);
    replica = &kit.store->replicas[key.shard];
    assert_int_equal(replica->dots, 10);
    assert_true(replica_valid(replica, &kit.store->dot_log, key.shard));
    assert_non_null(dot_log_find(&kit.store->dot_log, key.shard, (struct dot){kept, 41}));
    assert_null(dot_log_find(&kit.store->dot_log, key.shard, (struct dot){kept, 40}));
    kit_done(&kit);
}

static void test_meta_shards_and_birth_marks_last(void **state)
{
    struct store_shard shard;
    struct buffer out = {0};
    uint64_t position;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(store_meta_get(kit.store, "topology", &out), ERR_NOT_FOUND);
    for (int round = 0; round < 3; round++) {
        out.size = 0;
        assert_int_equal(store_meta_put(kit.store, "topology", slice_of_text("one"), &position), 0);
        assert_int_equal(store_meta_put(kit.store, "topology", slice_of_text("two"), &position), 0);
        assert_int_equal(store_set_born(kit.store, 2, &position), 0);
        kit_turn(&kit);
        assert_true(store_durable(kit.store) >= position);
        if (round == 1)
            assert_int_equal(kit_checkpoint(&kit), 0);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        assert_int_equal(store_shards(kit.store), KIT_SHARDS);
        assert_int_equal(store_meta_get(kit.store, "topology", &out), 0);
        assert_true(slice_is(buffer_slice(&out), "two"));
        store_shard(kit.store, 2, &shard);
        assert_true(shard.born);
        store_shard(kit.store, 1, &shard);
        assert_false(shard.born);
    }
    assert_int_equal(store_meta_put(kit.store, "a name that is longer than thirty-two bytes",
                                    slice_of_text(""), &position),
                     ERR_TOO_LARGE);
    assert_int_equal(store_meta_put(kit.store, "", slice_of_text(""), &position), ERR_INVALID);
    buffer_done(&out);
    kit_done(&kit);
}

// A slice read in a turn is good until its end, whatever is applied meanwhile.
// All orders of size: few entries and many, with equal fronts among them, added between walks.
static void test_memtable_walks_in_order(void **state)
{
    struct memtable *table = memtable_new();
    struct memtable_entry *entry;
    uint8_t key[TREE_KEY_SIZE];
    uint8_t last[TREE_KEY_SIZE] = {0};
    uint64_t random = 1;
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        bytes_put_u64_big(key, i % 7 ? rng_mix(i) : rng_mix(i % 5));
        bytes_put_u64_big(key + 8, random = rng_mix(random));
        memtable_set(table, key, slice_of_text("record"), i);
        if (i % 100 == 3 || i == 1500)
            assert_non_null(memtable_next(table, NULL, last));
    }
    while ((entry = memtable_next(table, count ? last : NULL, last))) {
        assert_true(count == 0 || memcmp(last, entry->tree_key, TREE_KEY_SIZE) < 0);
        memcpy(last, entry->tree_key, TREE_KEY_SIZE);
        count += 1;
    }
    assert_int_equal(count, memtable_keys(table));
    memtable_free(table);
}

// A sweep looks at a bounded number of records, erased ones included, and passes shards by in
// which nothing expires.
static void test_sweep_is_bounded(void **state)
{
    struct kit kit;
    uint32_t dropped = 0;

    (void)state;
    kit_init(&kit, SEGMENT);
    for (int i = 0; i < 600; i++) {
        char name[16];

        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(kit_put_expiring(&kit, name, "v", 1000), 0);
        assert_int_equal(i % 300 ? kit_delete(&kit, name) : 0, 0);
        kit_turn(&kit);
    }
    assert_int_equal(store_sweep(kit.store, 2000, 1), 0);
    for (int i = 0; i < 600 && dropped < 2; i++)
        dropped += store_sweep(kit.store, 2000, 1);
    assert_int_equal(dropped, 2);
    assert_int_equal(kit_put_expiring(&kit, "k1", "v", 1000), 0);
    for (int i = 0; i < 600 && dropped < 3; i++)
        dropped += store_sweep(kit.store, 2000, 1);
    assert_int_equal(dropped, 3);
    assert_string_equal(kit_get(&kit, "k1"), "");
    kit_done(&kit);
}

// In a large tree few keys change many pages: their checkpoint does not wait for a full memtable.
static void test_large_tree_is_checkpointed_early(void **state)
{
    uint64_t checkpoints;
    struct kit kit;
    char name[16];

    (void)state;
    kit_init(&kit, SEGMENT);
    kit.settings.memtable_bytes = 64 << 10;
    assert_int_equal(store_close(kit.store), 0);
    assert_int_equal(kit_open(&kit), 0);
    for (int i = 0; i < 8000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(kit_put(&kit, name, slice_of_text("some value")), 0);
        kit_turn(&kit);
    }
    assert_int_equal(kit_checkpoint(&kit), 0);
    checkpoints = kit.store->checkpoints;
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(kit_put(&kit, name, slice_of_text("some value")), 0);
        kit_turn(&kit);
    }
    assert_true(kit.store->checkpoints > checkpoints);
    kit_done(&kit);
}

static void test_slices_last_for_the_turn(void **state)
{
    struct key key = kit_key("k");
    struct store_view view;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("first value")), 0);
    assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(kit_put(&kit, "k", slice_of_text("another value")), 0);
    assert_true(slice_is(view.object.versions[0].value, "first value"));
    assert_int_equal(kit_put_beside(&kit, "k", "sibling"), 0);
    assert_null(kit_get(&kit, "k"));
    assert_int_equal(kit.err, 0);
    kit_done(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_hashes_are_refused),
        cmocka_unit_test(test_place_of_an_empty_record_is_free),
        cmocka_unit_test(test_damaged_record_is_unknown_until_rebuilt),
        cmocka_unit_test(test_unknown_keys_are_kept),
        cmocka_unit_test(test_unknown_keys_beyond_the_bound_are_not_forgotten),
        cmocka_unit_test(test_expired_versions_are_swept),
        cmocka_unit_test(test_rests_are_stripped_when_the_clock_catches_up),
        cmocka_unit_test(test_rests_of_other_keys_are_found),
        cmocka_unit_test(test_dot_log_keeps_its_budget_and_floor),
        cmocka_unit_test(test_meta_shards_and_birth_marks_last),
        cmocka_unit_test(test_memtable_walks_in_order),
        cmocka_unit_test(test_sweep_is_bounded),
        cmocka_unit_test(test_large_tree_is_checkpointed_early),
        cmocka_unit_test(test_slices_last_for_the_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
