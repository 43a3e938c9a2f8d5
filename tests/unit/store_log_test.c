// SPDX-License-Identifier: Apache-2.0
// The log's start: a torn tail is cut, anything else that is not as it was written stops the start.
#include "base/err.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENT = 4096, GROUPS = 6 };

// A log of GROUPS groups with one put each; ends[i] is the position behind the i-th.
static void log_make(struct kit *kit, uint64_t ends[GROUPS])
{
    kit_init(kit, SEGMENT);
    for (int i = 0; i < GROUPS; i++) {
        char value[16];

        snprintf(value, sizeof value, "v%d", i);
        assert_int_equal(kit_put(kit, i % 2 ? "odd" : "even", slice_of_text(value)), 0);
        kit_turn(kit);
        ends[i] = store_durable(kit->store);
    }
}

// What the store must hold when the log ends at a position.
static void state_expect(struct kit *kit, const uint64_t ends[GROUPS])
{
    char want[2][16] = {"", ""};

    for (int i = 0; i < GROUPS && ends[i] <= store_end(kit->store); i++)
        snprintf(want[i % 2], sizeof want[0], "v%d", i);
    if (store_shards(kit->store) == 0)
        return;
    assert_string_equal(kit_get(kit, "even"), want[0]);
    assert_string_equal(kit_get(kit, "odd"), want[1]);
}

// Every byte of the log, flipped. The groups before it are whole. Whether it is damage follows
// from the marks behind it: each group's mark says that all before that group is durable.
static void test_flipped_byte_is_damage_or_torn_tail(void **state)
{
    uint64_t ends[GROUPS];
    struct kit kit;

    (void)state;
    for (uint64_t offset = 0; offset < SEGMENT; offset++) {
        log_make(&kit, ends);
        kit_crash(&kit, DISK_CRASH_LOSE);
        disk_memory_flip(kit.disk, 1, offset, (uint8_t)(1 << offset % 8));
        kit_open(&kit);
        if (offset < SEGMENT_HEADER_SIZE || offset - SEGMENT_HEADER_SIZE < ends[GROUPS - 2]) {
            assert_int_equal(kit.err, ERR_DAMAGED);
            assert_non_null(strstr(kit.found.error, "log/0000000000000001.seg"));
            assert_non_null(strstr(kit.found.error, "fills from its peers"));
        } else if (offset - SEGMENT_HEADER_SIZE < ends[GROUPS - 1]) {
            assert_int_equal(kit.err, 0);
            assert_true(store_end(kit.store) == ends[GROUPS - 2]);
            assert_true(kit.found.torn_bytes > 0 || offset - SEGMENT_HEADER_SIZE >= ends[4]);
            state_expect(&kit, ends);
        } else {
            assert_int_equal(kit.err, 0);
            assert_true(store_end(kit.store) == ends[GROUPS - 1]);
            state_expect(&kit, ends);
        }
        kit_done(&kit);
    }
}

// The same after another life began a segment: its header vouches for all of the first.
static void test_next_segment_vouches_for_the_one_before(void **state)
{
    uint64_t ends[GROUPS];
    struct kit kit;

    (void)state;
    for (uint64_t offset = SEGMENT_HEADER_SIZE; offset < SEGMENT; offset += 3) {
        log_make(&kit, ends);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        assert_int_equal(kit_put(&kit, "even", slice_of_text("new")), 0);
        kit_turn(&kit);
        kit_crash(&kit, DISK_CRASH_LOSE);
        disk_memory_flip(kit.disk, 1, offset, 0x40);
        kit_open(&kit);
        assert_int_equal(kit.err,
                         offset - SEGMENT_HEADER_SIZE < ends[GROUPS - 1] ? ERR_DAMAGED : 0);
        if (!kit.err)
            assert_string_equal(kit_get(&kit, "even"), "new");
        kit_done(&kit);
    }
}

// Cut at every byte: what was never synced is lost, nothing else, and the next life goes on.
static void test_torn_group_is_cut_at_every_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t ends[GROUPS];
        struct kit kit;
        uint64_t durable;

        log_make(&kit, ends);
        durable = store_durable(kit.store);
        disk_memory_eager(kit.disk, false);
        assert_int_equal(kit_put(&kit, "odd", slice_of_text("unsynced")), 0);
        kit_turn(&kit);
        // Another draw each time.
        for (uint64_t i = 0; i < seed; i++)
            disk_memory_crash(kit.disk, DISK_CRASH_CUT);
        disk_memory_crash(kit.disk, seed % 2 ? DISK_CRASH_CUT : DISK_CRASH_TEAR);
        kit_crash(&kit, DISK_CRASH_LOSE);
        disk_memory_eager(kit.disk, true);
        assert_int_equal(kit_open(&kit), 0);
        assert_true(store_end(kit.store) >= durable);
        assert_string_equal(kit_get(&kit, "even"), "v4");
        assert_true(!strcmp(kit_get(&kit, "odd"), "v5") ||
                    !strcmp(kit_get(&kit, "odd"), "unsynced"));
        assert_int_equal(kit_put(&kit, "odd", slice_of_text("later")), 0);
        kit_turn(&kit);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        assert_string_equal(kit_get(&kit, "odd"), "later");
        kit_done(&kit);
    }
}

// What a process that died had written but not synced is synced before it counts.
static void test_unsynced_bytes_that_were_read_are_synced(void **state)
{
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    kit.settings.interval_ms = 1000;
    assert_int_equal(store_close(kit.store), 0);
    assert_int_equal(kit_open(&kit), 0);
    assert_int_equal(kit_put(&kit, "even", slice_of_text("written")), 0);
    kit_turn(&kit);
    assert_true(store_durable(kit.store) == store_end(kit.store) ||
                store_durable(kit.store) > store_end(kit.store));
    kit_crash(&kit, DISK_CRASH_KEEP);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "even"), "written");
    kit_crash(&kit, DISK_CRASH_LOSE);
    assert_int_equal(kit_open(&kit), 0);
    assert_string_equal(kit_get(&kit, "even"), "written");
    kit_done(&kit);
}

static void test_missing_and_foreign_parts_are_refused(void **state)
{
    struct tree *fresh = tree_memory_new();
    struct kit kit;
    struct tree *tree;
    uint8_t value[600] = {0};

    (void)state;
    kit_init(&kit, SEGMENT);
    tree = kit.tree;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(kit_put(&kit, "even", slice_of(value, sizeof value)), 0);
        kit_turn(&kit);
        if (i % 10 == 9)
            assert_int_equal(kit_checkpoint(&kit), 0);
    }
    kit_crash(&kit, DISK_CRASH_LOSE);
    kit.tree = fresh; // the first segments are long dropped
    assert_int_equal(kit_open(&kit), ERR_DAMAGED);
    assert_non_null(strstr(kit.found.error, "missing"));
    kit.tree = tree;
    assert_int_equal(kit_open(&kit), 0);
    assert_int_equal(store_close(kit.store), 0);
    kit.disk->calls->close(kit.disk);
    kit.disk = disk_memory_new(SEGMENT, 2); // an empty log beside a filled tree
    assert_int_equal(kit_open(&kit), ERR_DAMAGED);
    assert_non_null(strstr(kit.found.error, "the log is missing"));
    fresh->calls->close(fresh);
    kit_done(&kit);
}

// The tree has what the log had on stable storage: a log that ends before it lost something, be it
// by damage to its last groups or because an old copy of it was brought back.
static void test_tree_vouches_for_the_log(void **state)
{
    uint64_t ends[GROUPS];
    struct kit kit;

    (void)state;
    log_make(&kit, ends);
    assert_int_equal(kit_checkpoint(&kit), 0);
    assert_int_equal(kit_put(&kit, "even", slice_of_text("after")), 0);
    kit_turn(&kit);
    assert_true(store_durable(kit.store) > ends[GROUPS - 1]);
    kit_crash(&kit, DISK_CRASH_LOSE);
    disk_memory_flip(kit.disk, 1, SEGMENT_HEADER_SIZE + ends[GROUPS - 1] - 8, 1);
    disk_memory_flip(kit.disk, 1, SEGMENT_HEADER_SIZE + ends[GROUPS - 1] + 1, 1);
    assert_int_equal(kit_open(&kit), ERR_DAMAGED);
    assert_non_null(strstr(kit.found.error, "the log ends before what the tree has from it"));
    kit_done(&kit);
}

// Each life begins a segment: lives that end soon, by a crash, must not fill the disk with them.
static void test_short_lives_leave_few_segments(void **state)
{
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    for (int i = 0; i < 60; i++) {
        char value[16];

        snprintf(value, sizeof value, "v%d", i);
        assert_int_equal(kit_put(&kit, "even", slice_of_text(value)), 0);
        for (int turns = 0; turns < 5; turns++)
            kit_turn(&kit);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        assert_string_equal(kit_get(&kit, "even"), value);
    }
    assert_true(kit.disk->calls->used(kit.disk) <= 16 * SEGMENT);
    kit_done(&kit);
}

// The next segment holds what a reused file may hold: a group with all that an outsider can know or
// guess, its position included. Nobody may write into our log that way.
static void test_forged_groups_are_no_groups(void **state)
{
    struct log_record record = {
        .type = LOG_META, .name = slice_of_text("topology"), .value = slice_of_text("forged")};
    struct buffer group = {0};
    uint64_t ends[GROUPS];
    struct kit kit;

    (void)state;
    for (uint32_t salt = 0; salt < 2; salt++) {
        struct group_header header = {.segment = 1, .salt = salt};

        log_make(&kit, ends);
        header.position = header.mark = ends[GROUPS - 1];
        group.size = 0;
        buffer_add(&group, (uint8_t[GROUP_HEADER_SIZE]){0}, GROUP_HEADER_SIZE);
        log_record_encode(&record, &group);
        header.size = (uint32_t)(group.size - GROUP_HEADER_SIZE);
        buffer_add(&group, (uint8_t[GROUP_ALIGN]){0}, group_size(header.size) - group.size);
        group_seal(group.data, &header);
        kit_crash(&kit, DISK_CRASH_LOSE);
        for (size_t i = 0; i < group.size; i++)
            disk_memory_flip(kit.disk, 1, SEGMENT_HEADER_SIZE + header.position + i, group.data[i]);
        assert_int_equal(kit_open(&kit), 0);
        assert_true(store_end(kit.store) == ends[GROUPS - 1]);
        group.size = 0;
        assert_int_equal(store_meta_get(kit.store, "topology", &group), ERR_NOT_FOUND);
        kit_done(&kit);
    }
    buffer_done(&group);
}

// A flight that straddles two segments waits at a disk that stands still. Returns how many puts
// there were; the first `out_durable` are on the disk.
static int straddle_make(struct kit *kit, uint32_t draw, int *out_durable)
{
    uint8_t value[360];
    int count = 0;

    memset(value, 'x', sizeof value);
    kit_init(kit, SEGMENT);
    while (kit->store->log.capacity - kit->store->log.current_used > 1200) {
        value[0] = (uint8_t)count++;
        assert_int_equal(kit_put(kit, "even", slice_of(value, sizeof value)), 0);
        kit_turn(kit);
    }
    *out_durable = count;
    for (uint32_t i = 0; i < draw; i++)
        disk_memory_crash(kit->disk, DISK_CRASH_CUT); // nothing but another draw
    disk_memory_eager(kit->disk, false);
    for (value[0] = (uint8_t)count; !kit_put(kit, "even", slice_of(value, sizeof value));
         value[0] = (uint8_t)++count)
        continue;
    kit_turn(kit);
    assert_true(kit->store->log.flying_sent == kit->store->log.flying.size);
    assert_true(disk_memory_waiting(kit->disk) >= 3);
    return count;
}

// The first of these writes fails, or the process or the machine ends at any time: the header of
// the second segment, which says how much of the first one is on the disk, never says too much.
static void test_next_segment_never_vouches_for_what_failed(void **state)
{
    static const enum disk_crash ways[] = {DISK_CRASH_KEEP, DISK_CRASH_LOSE, DISK_CRASH_CUT,
                                           DISK_CRASH_TEAR};

    (void)state;
    for (uint32_t draw = 0; draw < 400; draw++) {
        struct kit kit;
        int durable;
        int count = straddle_make(&kit, draw, &durable);
        uint32_t fails = draw / 4 % 3; // 0: none, 1: the write, 2: its sync

        disk_memory_fail(kit.disk, fails, ERR_IO, false);
        disk_memory_complete(kit.disk, draw / 12 % 4);
        kit_crash(&kit, ways[draw % 4]);
        disk_memory_fail(kit.disk, 0, 0, false);
        disk_memory_eager(kit.disk, true);
        assert_int_equal(kit_open(&kit), 0);
        assert_in_range((uint8_t)kit_get(&kit, "even")[0], durable - 1, count);
        kit_done(&kit);
    }
}

// Files are used again: what they held before is never taken for a group.
static void test_segments_are_recycled(void **state)
{
    uint8_t value[500];
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    memset(value, 'x', sizeof value);
    for (int i = 0; i < 400; i++) {
        value[0] = (uint8_t)('a' + i % 26);
        assert_int_equal(kit_put(&kit, "even", slice_of(value, 1 + (size_t)i % 499)), 0);
        kit_turn(&kit);
        if (i % 20 == 19)
            assert_int_equal(kit_checkpoint(&kit), 0);
        if (i % 70 == 69) {
            kit_crash(&kit, DISK_CRASH_TEAR);
            assert_int_equal(kit_open(&kit), 0);
            assert_int_equal(kit_get(&kit, "even")[0], value[0]);
        }
    }
    assert_true(kit.disk->calls->used(kit.disk) <= 16 * SEGMENT);
    kit_done(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped_byte_is_damage_or_torn_tail),
        cmocka_unit_test(test_next_segment_vouches_for_the_one_before),
        cmocka_unit_test(test_torn_group_is_cut_at_every_byte),
        cmocka_unit_test(test_unsynced_bytes_that_were_read_are_synced),
        cmocka_unit_test(test_missing_and_foreign_parts_are_refused),
        cmocka_unit_test(test_tree_vouches_for_the_log),
        cmocka_unit_test(test_short_lives_leave_few_segments),
        cmocka_unit_test(test_forged_groups_are_no_groups),
        cmocka_unit_test(test_next_segment_never_vouches_for_what_failed),
        cmocka_unit_test(test_segments_are_recycled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
