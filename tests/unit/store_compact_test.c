// SPDX-License-Identifier: Apache-2.0
// When a compaction runs, what it waits for, when it gives way, and what is told of it; over a tree
// in memory, whose copy is nothing but a moment that can last and can fail.
#include "base/err.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENT = 64 << 10, KEYS = 50, TURNS_MAX = 20 };

static struct compaction told(const struct kit *kit)
{
    struct compaction compaction;

    store_compaction(kit->store, &compaction);
    return compaction;
}

static int put_number(struct kit *kit, int number, size_t size)
{
    static uint8_t value[8192];
    char name[16];

    snprintf(name, sizeof name, "k%d", number);
    memset(value, 'v', sizeof value);
    return kit_put(kit, name, slice_of(value, size));
}

static void begin(struct kit *kit)
{
    kit_init(kit, SEGMENT);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(put_number(kit, i, 100), 0);
    kit_turn(kit);
}

static void keys_check(struct kit *kit)
{
    for (int i = 0; i < KEYS; i++) {
        char name[16];

        snprintf(name, sizeof name, "k%d", i);
        assert_true(strlen(kit_get(kit, name)) >= 100);
        arena_reset(&kit->arena);
    }
}

static void ends(struct kit *kit, enum compaction_state state, int err)
{
    for (int i = 0; i < TURNS_MAX && told(kit).state == COMPACTION_RUNNING; i++)
        kit_turn(kit);
    assert_int_equal(kit->err, 0);
    assert_int_equal(told(kit).state, state);
    assert_int_equal(told(kit).err, err);
    assert_int_equal(told(kit).text.size > 0, err != 0);
    keys_check(kit);
}

// Asks, and leaves the copy unfinished.
static void hold(struct kit *kit)
{
    begin(kit);
    assert_int_equal(kit_checkpoint(kit), 0);
    tree_memory_eager(kit->tree, false);
    store_compact(kit->store);
    kit_turn(kit);
    assert_true(tree_memory_waiting(kit->tree));
    assert_true(compact_copying(kit->store));
}

static void test_a_checkpoint_comes_first(void **state)
{
    struct kit kit;

    (void)state;
    begin(&kit);
    assert_int_equal(told(&kit).state, COMPACTION_IDLE);
    assert_int_equal(kit.store->checkpoints, 0);
    store_compact(kit.store);
    assert_int_equal(told(&kit).state, COMPACTION_RUNNING);
    ends(&kit, COMPACTION_DONE, 0);
    assert_int_equal(kit.store->checkpoints, 1);
    assert_true(told(&kit).bytes_after > 0);

    // Nothing was written since: there is nothing to wait for.
    store_compact(kit.store);
    ends(&kit, COMPACTION_DONE, 0);
    assert_int_equal(kit.store->checkpoints, 1);
    assert_true(told(&kit).bytes_before == told(&kit).bytes_after);
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_int_equal(told(&kit).state, COMPACTION_IDLE);
    keys_check(&kit);
    kit_done(&kit);
}

static void test_no_checkpoint_runs_beside_it(void **state)
{
    struct kit kit;

    (void)state;
    hold(&kit);
    store_compact(kit.store); // there is one
    assert_int_equal(put_number(&kit, 1, 200), 0);
    store_checkpoint(kit.store);
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    assert_int_equal(told(&kit).state, COMPACTION_RUNNING);
    assert_int_equal(kit.store->checkpoint.state, CHECKPOINT_IDLE);
    assert_int_equal(told(&kit).elapsed_ms, 6);
    assert_true(tree_memory_complete(kit.tree));
    ends(&kit, COMPACTION_DONE, 0);
    tree_memory_eager(kit.tree, true);
    assert_int_equal(kit_checkpoint(&kit), 0);
    keys_check(&kit);
    kit_done(&kit);
}

// Puts until the memtable wants to go to the tree; none is refused.
static void press(struct kit *kit)
{
    for (int i = 0; !checkpoint_presses(kit->store); i++) {
        assert_int_equal(put_number(kit, i % KEYS, 4000), 0);
        kit_turn(kit);
    }
}

static void test_it_gives_way(void **state)
{
    struct kit kit;

    (void)state;
    hold(&kit);
    kit.store->settings.memtable_bytes = 64 << 10;
    kit.store->settings.memtable_keys = 10;
    press(&kit);
    assert_int_equal(store_refusal(kit.store), 0);
    assert_true(tree_memory_complete(kit.tree)); // finds that it shall stop
    tree_memory_eager(kit.tree, true);
    ends(&kit, COMPACTION_FAILED, ERR_OVERLOADED);
    assert_non_null(strstr((const char *)told(&kit).text.data, "quieter"));
    kit_turn(&kit);
    assert_int_equal(kit.store->checkpoints, 2); // begun at once
    store_compact(kit.store);
    ends(&kit, COMPACTION_DONE, 0);
    kit_done(&kit);
}

// A copy that does not stop in time must not take all memory.
static void test_puts_are_bounded_meanwhile(void **state)
{
    struct kit kit;
    int err = 0;

    (void)state;
    hold(&kit);
    kit.store->settings.memtable_bytes = 64 << 10;
    for (int i = 0; i < 1000 && !err; i++) {
        err = put_number(&kit, i % KEYS, 8000);
        kit_turn(&kit);
    }
    assert_int_equal(err, ERR_OVERLOADED);
    assert_true(memtable_bytes(kit.store->active) < 64 << 11);
    tree_memory_eager(kit.tree, true);
    ends(&kit, COMPACTION_FAILED, ERR_OVERLOADED);
    assert_int_equal(store_refusal(kit.store), 0);
    kit_done(&kit);
}

static void test_failures_change_nothing(void **state)
{
    static const int errors[] = {ERR_DISK_FULL, ERR_IO, ERR_DAMAGED, ERR_READ_ONLY, ERR_NOT_FOUND};
    struct kit kit;

    (void)state;
    begin(&kit);
    assert_int_equal(kit_checkpoint(&kit), 0);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        tree_memory_fail(kit.tree, 1, errors[i], false);
        store_compact(kit.store);
        ends(&kit, COMPACTION_FAILED, errors[i] == ERR_NOT_FOUND ? ERR_IO : errors[i]);
        assert_int_equal(put_number(&kit, (int)i, 300), 0);
        assert_int_equal(kit_checkpoint(&kit), 0);
    }
    store_compact(kit.store);
    ends(&kit, COMPACTION_DONE, 0);
    kit_done(&kit);
}

// A checkpoint that waits for room would be waited for in vain.
static void test_a_full_disk_ends_the_wait(void **state)
{
    struct kit kit;

    (void)state;
    begin(&kit);
    tree_memory_fail(kit.tree, 1, ERR_DISK_FULL, true);
    store_compact(kit.store);
    ends(&kit, COMPACTION_FAILED, ERR_DISK_FULL);
    tree_memory_fail(kit.tree, 0, 0, false);
    kit_done(&kit);
}

static void test_the_store_is_closed_meanwhile(void **state)
{
    struct kit kit;

    (void)state;
    hold(&kit);
    assert_int_equal(store_close(kit.store), 0);
    tree_memory_eager(kit.tree, true);
    assert_int_equal(kit_open(&kit), 0);
    assert_true(kit.found.clean);
    keys_check(&kit);

    // While the checkpoint is under way that comes first.
    tree_memory_eager(kit.tree, false);
    assert_int_equal(put_number(&kit, 1, 100), 0);
    store_compact(kit.store);
    kit_turn(&kit);
    assert_int_equal(kit.store->compact.phase, COMPACT_WANTED);
    assert_int_equal(store_close(kit.store), 0);
    tree_memory_eager(kit.tree, true);
    assert_int_equal(kit_open(&kit), 0);
    assert_true(kit.found.clean);
    keys_check(&kit);
    kit_done(&kit);
}

// Who closes does not wait for the copy: the next commit is not that of the copy.
static void test_closing_stops_it(void **state)
{
    struct kit kit;

    (void)state;
    hold(&kit);
    assert_int_equal(put_number(&kit, 1, 100), 0);
    tree_memory_fail(kit.tree, 1, ERR_IO, false);
    assert_int_equal(store_close(kit.store), ERR_IO);
    tree_memory_eager(kit.tree, true);
    assert_int_equal(kit_open(&kit), 0);
    keys_check(&kit);
    kit_done(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_checkpoint_comes_first),
        cmocka_unit_test(test_no_checkpoint_runs_beside_it),
        cmocka_unit_test(test_it_gives_way),
        cmocka_unit_test(test_puts_are_bounded_meanwhile),
        cmocka_unit_test(test_failures_change_nothing),
        cmocka_unit_test(test_a_full_disk_ends_the_wait),
        cmocka_unit_test(test_the_store_is_closed_meanwhile),
        cmocka_unit_test(test_closing_stops_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
