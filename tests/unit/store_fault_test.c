// SPDX-License-Identifier: Apache-2.0
// The store when things fail: each operation in turn, full disks, full memtables, a full map.
#include "base/err.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENT = 8192 };

// A short life: puts, deletes, checkpoints, more than one segment. Tells what was acknowledged
// last.
static int life_run(struct kit *kit, int *out_acknowledged)
{
    uint8_t value[700];

    memset(value, 'x', sizeof value);
    for (int i = 1; i <= 40; i++) {
        char number[16];
        int size = snprintf(number, sizeof number, "%d", i);
        int err;

        memcpy(value, number, (size_t)size + 1);
        err = kit_put(kit, "counter", slice_of(value, 200 + (size_t)i * 10));
        if (err)
            return err;
        if (i % 8 == 0)
            store_checkpoint(kit->store);
        kit_turn(kit);
        if (kit->err)
            return kit->err;
        if (store_durable(kit->store) >= store_end(kit->store))
            *out_acknowledged = i;
    }
    return 0;
}

static void state_check(struct kit *kit, int acknowledged)
{
    int found = atoi(kit_get(kit, "counter"));

    assert_true(found >= acknowledged && found <= 40);
}

// The n-th operation of the disk fails, for n = 1, 2, ... until a run is clean: what was
// acknowledged is there afterwards, and a failed write is never acknowledged.
static void operations_fail(int fault, bool forever)
{
    bool clean = false;

    for (uint64_t n = 1; !clean; n++) {
        int acknowledged = 0;
        struct kit kit;
        uint64_t before;
        int err;

        assert_true(n < 2000);
        kit_init(&kit, SEGMENT);
        before = disk_memory_operations(kit.disk);
        disk_memory_fail(kit.disk, n, fault, forever);
        err = life_run(&kit, &acknowledged);
        clean = disk_memory_operations(kit.disk) - before < n;
        assert_true(!clean || (err == 0 && acknowledged == 40));
        if (err)
            assert_true(err == ERR_IO || err == ERR_DISK_FULL || err == ERR_OVERLOADED);
        if (err == ERR_IO) // for ever
            assert_int_equal(store_poll(kit.store), ERR_IO);
        disk_memory_fail(kit.disk, 0, 0, false);
        kit_crash(&kit, n % 2 ? DISK_CRASH_TEAR : DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        state_check(&kit, acknowledged);
        kit_done(&kit);
    }
}

static void test_each_operation_fails_once(void **state)
{
    (void)state;
    operations_fail(ERR_IO, false);
}

static void test_each_operation_and_all_after_it_fail(void **state)
{
    (void)state;
    operations_fail(ERR_IO, true);
    operations_fail(ERR_DISK_FULL, true);
}

// A start that fails changes nothing: the next one finds everything.
static void test_start_fails_at_each_operation(void **state)
{
    int err = ERR_IO;

    (void)state;
    for (uint64_t n = 1; err; n++) {
        int acknowledged = 0;
        struct kit kit;

        kit_init(&kit, SEGMENT);
        assert_int_equal(life_run(&kit, &acknowledged), 0);
        kit_crash(&kit, DISK_CRASH_LOSE);
        disk_memory_fail(kit.disk, n, ERR_IO, false);
        err = kit_open(&kit);
        if (!err) {
            kit_done(&kit);
            break;
        }
        assert_int_equal(err, ERR_IO);
        assert_true(strlen(kit.found.error) > 10);
        disk_memory_fail(kit.disk, 0, 0, false);
        assert_int_equal(kit_open(&kit), 0);
        state_check(&kit, acknowledged);
        kit_done(&kit);
    }
}

static void test_commits_that_fail_for_want_of_room_are_tried_again(void **state)
{
    struct store_totals totals;
    struct kit kit;

    (void)state;
    kit_init(&kit, 64 << 10);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("before")), 0);
    kit_turn(&kit);
    tree_memory_fail(kit.tree, 1, ERR_DISK_FULL, true);
    store_checkpoint(kit.store);
    for (int i = 0; i < 4; i++)
        kit_turn(&kit);
    store_totals(kit.store, &totals);
    assert_int_equal(totals.refusal, ERR_DISK_FULL);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("refused")), ERR_DISK_FULL);
    assert_int_equal(kit_delete(&kit, "k"), 0); // from the reserve
    assert_string_equal(kit_get(&kit, "k"), "");
    assert_true(store_deadline(kit.store) <= kit.now_ms + kit.settings.retry_ms);
    tree_memory_fail(kit.tree, 0, 0, false);
    for (int i = 0; i < 40; i++)
        kit_turn(&kit);
    store_totals(kit.store, &totals);
    assert_int_equal(totals.refusal, 0); // by itself
    assert_int_equal(totals.checkpoints, 1);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("after")), 0);
    assert_int_equal(store_close(kit.store), 0);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "k"), "after");
    kit_done(&kit);
}

static void test_failed_commit_is_fatal(void **state)
{
    struct kit kit;

    (void)state;
    kit_init(&kit, 64 << 10);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("v")), 0);
    kit_turn(&kit);
    tree_memory_fail(kit.tree, 1, ERR_IO, false);
    assert_int_equal(kit_checkpoint(&kit), ERR_TIMEOUT);
    assert_int_equal(store_poll(kit.store), ERR_IO);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("w")), ERR_IO);
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "k"), "v");
    kit_done(&kit);
}

// No room for another segment: puts are refused, deletes go on in what is prepared, reads too; and
// room that comes back is found without a restart.
static void test_full_disk_refuses_puts_and_clears_by_itself(void **state)
{
    struct kit kit;
    uint32_t deletes = 0;
    int err = 0;

    (void)state;
    kit_init(&kit, SEGMENT);
    disk_memory_limit(kit.disk, 4);
    for (int i = 0; i < 1000 && !err; i++) {
        err = kit_put(&kit, "k", slice_of_text("some value that takes room in the log"));
        kit_turn(&kit);
    }
    assert_int_equal(err, ERR_DISK_FULL);
    assert_true(strlen(kit_get(&kit, "k")) > 0);
    for (err = 0; deletes < 1000 && !err; deletes += !err) {
        err = kit_delete(&kit, deletes % 2 ? "k" : "l");
        kit_turn(&kit);
    }
    assert_int_equal(err, ERR_DISK_FULL);
    assert_true(deletes > 20);
    assert_int_equal(store_durable(kit.store), store_end(kit.store));
    disk_memory_limit(kit.disk, 0);
    for (int i = 0; i < 40; i++)
        kit_turn(&kit);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("again")), 0);
    kit_turn(&kit);
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "k"), "again");
    kit_done(&kit);
}

// The checkpoint is behind and both memtables are full.
static void test_full_memtables_refuse_until_the_checkpoint_ends(void **state)
{
    uint8_t value[1000] = {0};
    struct kit kit;
    int err = 0;
    int puts = 0;

    (void)state;
    kit_init(&kit, 1 << 20);
    assert_int_equal(store_close(kit.store), 0);
    kit.settings.memtable_bytes = 64 << 10;
    assert_int_equal(kit_open(&kit), 0);
    tree_memory_eager(kit.tree, false);
    for (; puts < 1000 && !err; puts++) {
        err = kit_put(&kit, "k", slice_of(value, sizeof value));
        kit_turn(&kit);
    }
    assert_int_equal(err, ERR_OVERLOADED);
    assert_true(puts > 80 && puts < 200);
    assert_int_equal(kit_delete(&kit, "l"), 0);
    assert_true(tree_memory_complete(kit.tree));
    kit_turn(&kit);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("on")), 0);
    kit_done(&kit);
}

static void test_full_map_grows(void **state)
{
    struct kit kit;

    (void)state;
    kit_init(&kit, 64 << 10);
    tree_memory_limit(kit.tree, 64);
    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "key %d", i);
        assert_int_equal(kit_put(&kit, name, slice_of_text("value")), 0);
    }
    assert_int_equal(kit_checkpoint(&kit), 0);
    assert_true(kit.tree->calls->used(kit.tree) > 1000);
    assert_string_equal(kit_get(&kit, "key 7"), "value");
    kit_done(&kit);
}

static void test_too_large_and_contradictory_are_refused(void **state)
{
    uint8_t *value = calloc(1, SEGMENT);
    struct store_found found;
    struct store *store;
    uint64_t position;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(kit_put(&kit, "k", slice_of(value, SEGMENT / 2)), ERR_TOO_LARGE);
    assert_string_equal(kit_get(&kit, "k"), "");
    assert_int_equal(store_set_shards(kit.store, 3, &position), ERR_INVALID);
    assert_int_equal(store_set_shards(kit.store, KIT_SHARDS * 2, &position), ERR_INVALID);
    assert_int_equal(store_set_shards(kit.store, KIT_SHARDS, &position), 0);
    kit.settings.segment_bytes = SEGMENT * 2;
    assert_int_equal(store_open(&kit.settings, kit.disk, kit.tree, &store, &found), ERR_INVALID);
    kit.settings.segment_bytes = SEGMENT;
    kit.settings.actor = 0;
    assert_int_equal(store_open(&kit.settings, kit.disk, kit.tree, &store, &found), ERR_INVALID);
    kit_done(&kit);
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_operation_fails_once),
        cmocka_unit_test(test_each_operation_and_all_after_it_fail),
        cmocka_unit_test(test_start_fails_at_each_operation),
        cmocka_unit_test(test_commits_that_fail_for_want_of_room_are_tried_again),
        cmocka_unit_test(test_failed_commit_is_fatal),
        cmocka_unit_test(test_full_disk_refuses_puts_and_clears_by_itself),
        cmocka_unit_test(test_full_memtables_refuse_until_the_checkpoint_ends),
        cmocka_unit_test(test_full_map_grows),
        cmocka_unit_test(test_too_large_and_contradictory_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
