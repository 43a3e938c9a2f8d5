// SPDX-License-Identifier: Apache-2.0
// The world itself: what its network does to messages, what its disks forget, and that a seed
// decides everything.
#include "base/err.h"
#include "node/store/tree_memory.h"
#include "sim/world/host.h"
#include "sim/world/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_US = 1000000, REPLIES_MAX = 64 };

struct seen {
    struct sim *sim;
    int errs[REPLIES_MAX]; // by number of the ticket; 1: no reply
    bool found[REPLIES_MAX];
    uint32_t closed;
    uint32_t refused;
};

static void on_reply(void *data, uint64_t ticket, const struct reply *reply)
{
    struct seen *seen = data;

    seen->errs[ticket >> SIM_TICKET_METHOD_BITS] = reply->err;
    seen->found[ticket >> SIM_TICKET_METHOD_BITS] = reply->found;
}

static void on_refused(void *data, uint64_t ticket)
{
    (void)ticket;
    ((struct seen *)data)->refused += 1;
}

static void on_closed(void *data, uint32_t node)
{
    (void)node;
    ((struct seen *)data)->closed += 1;
}

static void world_make(struct seen *seen, uint32_t nodes, uint64_t seed,
                       void (*change)(struct sim_settings *settings))
{
    struct sim_settings settings;

    memset(seen, 0, sizeof *seen);
    for (int i = 0; i < REPLIES_MAX; i++)
        seen->errs[i] = 1;
    sim_settings_init(&settings);
    settings.nodes = nodes;
    settings.seed = seed;
    settings.calls =
        (struct sim_calls){.reply = on_reply, .refused = on_refused, .closed = on_closed};
    settings.data = seen;
    if (change)
        change(&settings);
    seen->sim = sim_new(&settings);
    assert_int_equal(sim_init(seen->sim, 4, nodes < 3 ? nodes : 3), 0);
    sim_run(seen->sim, sim_now_us(seen->sim) + SECOND_US);
}

static void ask(struct seen *seen, uint32_t node, uint64_t number, enum method method, int level)
{
    struct request request;

    request_init(&request, method);
    request.bucket = slice_of_text("b");
    request.key = slice_of_text("k");
    request.value = slice_of_text("v");
    request.r = request.w = level;
    sim_ask(seen->sim, node, sim_ticket(number, method), &request);
}

static void pass(struct seen *seen, uint64_t us)
{
    sim_run(seen->sim, sim_now_us(seen->sim) + us);
}

static void one_seed_gives_one_trace(void **state)
{
    uint64_t hashes[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct seen seen;

        world_make(&seen, 5, i < 2 ? 7 : 8, NULL);
        for (uint64_t number = 1; number < 20; number++) {
            ask(&seen, (uint32_t)number % 5, number, number % 2 ? METHOD_PUT : METHOD_GET, 2);
            pass(&seen, 1000);
        }
        host_stop(seen.sim, 1, HOST_POWER_OFF);
        pass(&seen, SECOND_US);
        assert_int_equal(host_start(seen.sim, 1), 0);
        pass(&seen, SECOND_US);
        hashes[i] = sim_hash(seen.sim);
        sim_free(seen.sim);
    }
    assert_true(hashes[0] == hashes[1]);
    assert_false(hashes[0] == hashes[2]);
}

static void a_cut_holds_messages_and_a_heal_delivers_them(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 3, 1, NULL);
    net_cut(seen.sim, 0, 1, true);
    net_cut(seen.sim, 0, 2, true);
    ask(&seen, 0, 1, METHOD_PUT, 2);
    pass(&seen, SECOND_US / 2);
    assert_int_equal(seen.errs[1], 1); // waits
    net_heal(seen.sim);
    pass(&seen, SECOND_US / 2);
    assert_int_equal(seen.errs[1], 0);
    assert_true(sim_counts(seen.sim)->probes[PROBE_HELD_DELIVERED] > 0);
    sim_free(seen.sim);
}

static void a_long_silence_breaks_links_and_their_messages_are_lost(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 3, 2, NULL);
    ask(&seen, 0, 4, METHOD_PUT, 2); // the bucket's properties are known from now on
    pass(&seen, SECOND_US);
    net_cut(seen.sim, 0, 1, true);
    net_cut(seen.sim, 0, 2, true);
    ask(&seen, 0, 1, METHOD_PUT, 2);
    pass(&seen, 10 * SECOND_US);
    assert_int_equal(seen.errs[1], ERR_TIMEOUT);
    assert_true(sim_counts(seen.sim)->probes[PROBE_HELD_LOST] > 0);
    ask(&seen, 0, 2, METHOD_PUT, 2);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.errs[2], ERR_UNAVAILABLE); // told by links: nothing was written
    net_heal(seen.sim);
    pass(&seen, 10 * SECOND_US);
    ask(&seen, 0, 3, METHOD_PUT, 3);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.errs[3], 0); // dialled again
    sim_free(seen.sim);
}

static void corrupt_much(struct sim_settings *settings)
{
    settings->corrupt = 100000;
}

static void no_damaged_message_is_accepted(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 3, 3, corrupt_much);
    for (uint64_t number = 1; number < REPLIES_MAX; number++) {
        ask(&seen, (uint32_t)number % 3, number, METHOD_PUT, 2);
        pass(&seen, SECOND_US / 4);
    }
    assert_true(sim_counts(seen.sim)->corrupted > 10);
    assert_int_equal(sim_counts(seen.sim)->corrupt_accepted, 0);
    assert_true(sim_counts(seen.sim)->probes[PROBE_CORRUPT_CAUGHT] > 0);
    sim_free(seen.sim);
}

static void a_stopped_process_answers_when_it_goes_on(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 1, 4, NULL);
    host_pause(seen.sim, 0);
    ask(&seen, 0, 1, METHOD_PUT, 1);
    pass(&seen, 30 * SECOND_US);
    assert_int_equal(seen.errs[1], 1);
    host_resume(seen.sim, 0);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.errs[1], 0);
    host_stop(seen.sim, 0, HOST_KILLED);
    ask(&seen, 0, 2, METHOD_PUT, 1);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.refused, 1);
    sim_free(seen.sim);
}

static void an_image_of_a_disk_is_what_it_was(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 1, 5, NULL);
    host_save(seen.sim, 0);
    ask(&seen, 0, 1, METHOD_PUT, 1);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.errs[1], 0);
    host_stop(seen.sim, 0, HOST_POWER_OFF);
    assert_int_equal(host_start(seen.sim, 0), 0);
    ask(&seen, 0, 2, METHOD_GET, 1);
    pass(&seen, SECOND_US);
    assert_true(seen.found[2]); // acknowledged, so it outlives the power
    host_stop(seen.sim, 0, HOST_POWER_OFF);
    assert_true(host_restore(seen.sim, 0));
    assert_int_equal(host_start(seen.sim, 0), 0);
    ask(&seen, 0, 3, METHOD_GET, 1);
    pass(&seen, SECOND_US);
    assert_int_equal(seen.errs[3], 0);
    assert_false(seen.found[3]);
    host_stop(seen.sim, 0, HOST_POWER_OFF);
    assert_false(host_restore(seen.sim, 0)); // an image is put back once
    sim_free(seen.sim);
}

static void a_disk_that_fails_stops_its_process(void **state)
{
    struct seen seen;

    (void)state;
    world_make(&seen, 1, 6, NULL);
    host_fail_disk(seen.sim, 0, 1, false);
    ask(&seen, 0, 1, METHOD_PUT, 1);
    pass(&seen, SECOND_US);
    assert_int_equal(host_state(seen.sim, 0), HOST_DOWN);
    assert_int_equal(seen.errs[1], 1); // never acknowledged
    assert_int_equal(host_start(seen.sim, 0), 0);
    sim_free(seen.sim);
}

static void a_clone_of_a_disk_has_what_was_synced(void **state)
{
    struct disk *disk = disk_memory_new(4096, 1);
    struct disk_job prepare = {.op = DISK_PREPARE, .segment = 1};
    struct disk_job synced = {
        .op = DISK_WRITE, .segment = 1, .bytes = slice_of_text("synced"), .sync = true};
    struct disk_job written = {
        .op = DISK_WRITE, .segment = 1, .offset = 100, .bytes = slice_of_text("written")};
    struct buffer bytes = {0};
    struct disk *clone;

    (void)state;
    disk->calls->submit(disk, &prepare);
    disk->calls->submit(disk, &synced);
    disk->calls->submit(disk, &written);
    clone = disk_memory_clone(disk, 2);
    disk->calls->close(disk);
    assert_int_equal(clone->calls->read(clone, 1, &bytes), 0);
    assert_memory_equal(bytes.data, "synced", 6);
    assert_int_equal(bytes.data[100], 0);
    buffer_done(&bytes);
    clone->calls->close(clone);
}

static int put_one(struct tree_job *job)
{
    (void)job;
    return 0;
}

static void a_clone_of_a_tree_is_its_own(void **state)
{
    struct tree *tree = tree_memory_new();
    struct tree_job job = {.work = put_one};
    struct slice value;
    struct tree *clone;

    (void)state;
    assert_int_equal(tree->calls->begin(tree), 0);
    tree->calls->put(tree, TREE_META, slice_of_text("a"), slice_of_text("one"));
    assert_int_equal(tree->calls->commit(tree), 0);
    tree_memory_eager(tree, false);
    tree->calls->submit(tree, &job);
    assert_true(tree_memory_waiting(tree));
    clone = tree_memory_clone(tree);
    assert_false(tree_memory_waiting(clone));
    tree->calls->close(tree);
    assert_int_equal(clone->calls->get(clone, TREE_META, slice_of_text("a"), &value), 0);
    assert_true(slice_is(value, "one"));
    clone->calls->close(clone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_trace),
        cmocka_unit_test(a_cut_holds_messages_and_a_heal_delivers_them),
        cmocka_unit_test(a_long_silence_breaks_links_and_their_messages_are_lost),
        cmocka_unit_test(no_damaged_message_is_accepted),
        cmocka_unit_test(a_stopped_process_answers_when_it_goes_on),
        cmocka_unit_test(an_image_of_a_disk_is_what_it_was),
        cmocka_unit_test(a_disk_that_fails_stops_its_process),
        cmocka_unit_test(a_clone_of_a_disk_has_what_was_synced),
        cmocka_unit_test(a_clone_of_a_tree_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
