// SPDX-License-Identifier: Apache-2.0
// Rings with a label and keys, in virtual time: they live as others do, change keys while they run,
// and nobody without a key moves them.
#include "base/buffer.h"
#include "base/err.h"
#include "gossip/message.h"
#include "tests/lib/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct rng nonces;

static void fill(void *data, uint8_t *out, size_t size)
{
    (void)data;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)rng_u64(&nonces);
}

static void add_key(struct guard *guard, uint8_t byte)
{
    uint8_t key[32];

    memset(key, byte, sizeof key);
    assert_int_equal(keyring_add(&guard->keys, slice_of(key, sizeof key)), 0);
}

static void use_key(struct guard *guard, uint8_t byte)
{
    uint8_t key[32];

    memset(key, byte, sizeof key);
    assert_int_equal(keyring_use(&guard->keys, slice_of(key, sizeof key)), 0);
}

static struct guard guards[3]; // nodes 0..9, 10..19, 20 and on
static bool compresses;
static bool has_long_meta;
static const uint8_t long_meta[SWIM_META_MAX] = {1};

static void adjust(const struct swarm *swarm, size_t index, struct swim_settings *settings)
{
    (void)swarm;
    settings->guard = guards[index / 10 < 2 ? index / 10 : 2];
    settings->entropy.fill = fill;
    settings->compress = compresses && index % 2;
    if (has_long_meta)
        settings->meta = slice_of(long_meta, sizeof long_meta);
}

static void start(struct swarm *swarm, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        swarm_start(swarm, i);
        if (i > from)
            swarm_join(swarm, i, from);
        swarm_run(swarm, 100);
    }
}

static void begin(struct swarm *swarm, uint64_t seed)
{
    swarm_init(swarm, seed);
    rng_init(&nonces, seed);
    swarm->adjust = adjust;
    memset(guards, 0, sizeof guards);
    compresses = false;
    has_long_meta = false;
}

static uint64_t sum(const struct swarm *swarm, enum swim_notice notice)
{
    uint64_t count = 0;

    for (size_t i = 0; i < swarm->count; i++)
        count += swarm->nodes[i].notices[notice];
    return count;
}

static bool first_is_gone(const struct swarm *swarm)
{
    for (size_t i = 1; i < swarm->count; i++) {
        unsigned view = swarm_view(swarm, i, 0);

        if (view == MEMBER_ALIVE || view == MEMBER_SUSPECT)
            return false;
    }
    return true;
}

// Whoever gets a message to all for the first time passes it on. True when all have it.
static bool tell_all(struct swarm *swarm)
{
    bool told[10] = {false};
    size_t count = 0;

    for (unsigned round = 0; round < 40 && count < swarm->count; round++) {
        for (size_t i = 0; i < swarm->count; i++) {
            if (told[i] || (i > 0 && swarm->nodes[i].user_messages == 0))
                continue;
            told[i] = true;
            count++;
            assert_int_equal(
                swim_broadcast(swarm->nodes[i].swim, swarm->now_ms, 7, slice_of_text("to all")), 0);
            swarm_perform(swarm, i);
        }
        swarm_run(swarm, 200);
    }
    return count == swarm->count;
}

// Join, meta, messages to all and to one, a crash: with label, keys, and every other one
// compressing. Every way that something takes is used.
static void live(uint64_t seed)
{
    struct swarm swarm;
    uint32_t states = 0;

    begin(&swarm, seed);
    assert_int_equal(guard_set_label(&guards[0], slice_of_text("ring")), 0);
    add_key(&guards[0], 1);
    guards[0].padded = seed % 2;
    compresses = true;
    start(&swarm, 0, 10);
    assert_true(swarm_run_until(&swarm, 20000, swarm_agrees));
    assert_int_equal(swim_set_user_state(swarm.nodes[2].swim, slice_of_text("state")), 0);
    assert_true(tell_all(&swarm));
    swarm_run(&swarm, 5000);
    swarm.nodes[0].user_messages = 0;
    assert_int_equal(swim_send(swarm.nodes[1].swim, swarm.now_ms, &swarm.nodes[0].address,
                               slice_of_text("to one")),
                     0);
    swarm_perform(&swarm, 1);
    assert_int_equal(swim_send_stream(swarm.nodes[2].swim, swarm.now_ms, &swarm.nodes[0].address,
                                      slice_of_text("by stream")),
                     0);
    swarm_perform(&swarm, 2);
    swarm.nodes[3].deaf = true; // held alive by streams
    swarm_run(&swarm, 100000);
    assert_int_equal(swarm.nodes[0].user_messages, 2);
    for (size_t i = 0; i < swarm.count; i++)
        states += swarm.nodes[i].user_states;
    assert_true(states > 0);
    assert_int_equal(sum(&swarm, SWIM_DEAD), 0);
    swarm_kill(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 60000, first_is_gone));
    for (size_t i = 1; i < swarm.count; i++) {
        const struct swim_counts *counts = swim_counts(swarm.nodes[i].swim);

        assert_int_equal(counts->datagrams_malformed, 0);
        assert_int_equal(counts->foreign, 0);
        assert_int_equal(counts->unopened, 0);
    }
    swarm_done(&swarm);
}

static void test_life(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        live(seed);
}

// Three rings that call each other: another label, another key, neither. Each stays by itself.
static void test_foreign(void **state)
{
    struct swarm swarm;

    (void)state;
    begin(&swarm, 5);
    assert_int_equal(guard_set_label(&guards[0], slice_of_text("ring")), 0);
    add_key(&guards[0], 1);
    assert_int_equal(guard_set_label(&guards[1], slice_of_text("rinG")), 0);
    add_key(&guards[1], 1);
    assert_int_equal(guard_set_label(&guards[2], slice_of_text("ring")), 0);
    add_key(&guards[2], 2);
    start(&swarm, 0, 5);
    start(&swarm, 10, 15);
    start(&swarm, 20, 25);
    for (size_t from = 1; from < swarm.count; from += 5) {
        for (size_t to = 0; swarm.nodes[from].swim && to < swarm.count; to += 10)
            swarm_join(&swarm, from, to);
    }
    swarm_run(&swarm, 60000);
    for (size_t i = 0; i < swarm.count; i++) {
        if (swarm.nodes[i].swim)
            assert_int_equal(swim_count(swarm.nodes[i].swim), 5);
    }
    assert_int_equal(swarm.nodes[1].joins_ok, 2);
    assert_int_equal(swarm.nodes[1].joins_failed, 2);
    assert_int_equal(swim_counts(swarm.nodes[0].swim)->foreign, 1);
    assert_int_equal(swim_counts(swarm.nodes[0].swim)->unopened, 1);
    assert_int_equal(swim_counts(swarm.nodes[10].swim)->foreign, 2);
    assert_int_equal(sum(&swarm, SWIM_SUSPECT), 0);
    swarm_done(&swarm);
}

static void set_guards(struct swarm *swarm, const struct guard *guard)
{
    for (size_t i = 0; i < swarm->count; i++) {
        assert_int_equal(swim_set_guard(swarm->nodes[i].swim, guard), 0);
        swarm_run(swarm, 3000); // one is ahead of the others
    }
}

// Keys are brought into a ring that runs without, and changed, one member after the other: nobody
// notices.
static void test_keys_change(void **state)
{
    struct swarm swarm;
    struct guard guard = {.takes_plain = true, .sends_plain = true};

    (void)state;
    begin(&swarm, 6);
    start(&swarm, 0, 6);
    assert_true(swarm_run_until(&swarm, 20000, swarm_agrees));
    add_key(&guard, 1);
    set_guards(&swarm, &guard);
    guard.sends_plain = false;
    set_guards(&swarm, &guard);
    guard.takes_plain = false;
    set_guards(&swarm, &guard);
    add_key(&guard, 2);
    set_guards(&swarm, &guard);
    use_key(&guard, 2);
    set_guards(&swarm, &guard);
    guard.keys.count = 1; // the old one is forgotten
    set_guards(&swarm, &guard);
    swarm_run(&swarm, 60000);
    for (size_t i = 0; i < swarm.count; i++) {
        assert_int_equal(swarm.nodes[i].notices[SWIM_SUSPECT], 0);
        assert_int_equal(swim_counts(swarm.nodes[i].swim)->probes_late, 0);
        assert_int_equal(swim_counts(swarm.nodes[i].swim)->unopened, 0);
    }
    swarm_done(&swarm);
}

static void give(struct swarm *swarm, size_t index, const struct message *message)
{
    struct buffer bytes = {0};

    message_encode(message, &bytes);
    swim_datagram(swarm->nodes[index].swim, swarm->now_ms, &swarm->nodes[1].address,
                  buffer_slice(&bytes));
    buffer_done(&bytes);
}

// Who has no key forges deaths of all, phantoms, and our own highest incarnation: nothing moves,
// and no datagram comes of it.
static void test_forgery(void **state)
{
    struct swarm swarm;
    uint64_t before;

    (void)state;
    begin(&swarm, 7);
    add_key(&guards[0], 1);
    start(&swarm, 0, 5);
    assert_true(swarm_run_until(&swarm, 20000, swarm_agrees));
    swarm_run(&swarm, 10000);
    before = swim_counts(swarm.nodes[0].swim)->datagrams_out;
    for (uint64_t i = 1; i <= 1000; i++) {
        char name[MEMBER_NAME_DIGITS + 1];
        struct message message = {
            .type = i % 2 ? MESSAGE_DEAD : MESSAGE_ALIVE,
            .node = slice_of(name, MEMBER_NAME_DIGITS),
            .from = slice_of_text("x"),
            .incarnation = i % 3 ? 1 : MESSAGE_ACCUSED_MAX,
            .address = swarm.nodes[1].address,
            .version = {1, 5, 2, 0, 0, 0},
        };

        member_write_name(i, name);
        give(&swarm, 0, &message);
    }
    assert_int_equal(swim_counts(swarm.nodes[0].swim)->unopened, 1000);
    assert_int_equal(swim_counts(swarm.nodes[0].swim)->datagrams_out, before);
    assert_int_equal(swim_count(swarm.nodes[0].swim), 5);
    assert_true(swarm_agrees(&swarm));
    assert_int_equal(swim_self(swarm.nodes[0].swim)->incarnation, 1);
    swarm_done(&swarm);
}

enum { RECORDED_MAX = 4096 };

static struct slice recorded[RECORDED_MAX];
static size_t recorded_count;
static struct arena recorded_arena;

static void record(struct swarm *swarm, size_t index, struct slice bytes)
{
    (void)swarm;
    (void)index;
    if (recorded_count < RECORDED_MAX)
        recorded[recorded_count++] = arena_copy(&recorded_arena, bytes);
}

// Everything that was ever said, the death of a member and its return included, is sent to all
// again, by somebody who has no key. It is old news: nobody is given up for it, and in the end all
// agree again.
static void test_replay(void **state)
{
    struct swarm swarm;
    uint64_t deaths;

    (void)state;
    begin(&swarm, 10);
    add_key(&guards[0], 1);
    recorded_count = 0;
    swarm.tap = record;
    start(&swarm, 0, 5);
    assert_true(swarm_run_until(&swarm, 20000, swarm_agrees));
    swarm_kill(&swarm, 4);
    swarm_run(&swarm, 20000);
    swarm_start(&swarm, 4);
    swarm_join(&swarm, 4, 0);
    assert_true(swarm_run_until(&swarm, 20000, swarm_agrees));
    swarm_leave(&swarm, 3);
    swarm_run(&swarm, 5000);
    swarm_kill(&swarm, 3);
    swarm_run(&swarm, 120000);
    swarm.tap = NULL;
    assert_true(recorded_count > 1000);
    deaths = sum(&swarm, SWIM_DEAD);
    for (size_t i = 0; i < recorded_count; i++) {
        for (size_t node = 0; node < swarm.count; node++) {
            if (!swarm.nodes[node].swim)
                continue;
            swim_datagram(swarm.nodes[node].swim, swarm.now_ms, &swarm.nodes[3].address,
                          recorded[i]);
            swarm_perform(&swarm, node);
        }
        swarm_run(&swarm, 10);
    }
    swarm_run(&swarm, 120000);
    assert_true(swarm_agrees(&swarm));
    // Only the one that left may have come up again, and gone.
    for (size_t i = 0; i < swarm.count; i++) {
        if (swarm.nodes[i].swim)
            assert_int_equal(swarm_view(&swarm, i, 3), MEMBER_LEFT + 1);
    }
    print_message("%zu replayed: %u deaths seen\n", recorded_count,
                  (unsigned)(sum(&swarm, SWIM_DEAD) - deaths));
    arena_done(&recorded_arena);
    swarm_done(&swarm);
}

static size_t largest_sent(const struct swim *swim)
{
    size_t largest = 0, count;
    const struct swim_action *actions = swim_actions(swim, &count);

    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == SWIM_DATAGRAM && actions[i].bytes.size > largest)
            largest = actions[i].bytes.size;
    }
    return largest;
}

// However much news waits, no datagram exceeds its budget, with the longest label and padding.
static void test_budget(void **state)
{
    char label[GUARD_LABEL_MAX + 1] = {0};
    struct swarm swarm;
    size_t largest = 0;

    (void)state;
    begin(&swarm, 8);
    has_long_meta = true;
    memset(label, 'l', GUARD_LABEL_MAX);
    assert_int_equal(guard_set_label(&guards[0], slice_of_text(label)), 0);
    guards[0].padded = true;
    add_key(&guards[0], 1);
    start(&swarm, 0, 10);
    for (unsigned round = 0; round < 300; round++) {
        for (size_t node = 0; node < swarm.count; node++) {
            struct swim *swim = swarm.nodes[node].swim;
            size_t sent;

            swim_tick(swim, swim_deadline(swim));
            sent = largest_sent(swim);
            largest = sent > largest ? sent : largest;
        }
    }
    assert_in_range(largest, 1000, 1400);
    swarm_done(&swarm);
}

// With the setting, streams are always compressed, datagrams when it makes them smaller.
static void test_compresses(void **state)
{
    struct swarm swarm;
    size_t count;

    (void)state;
    begin(&swarm, 9);
    compresses = true;
    has_long_meta = true;
    swarm_start(&swarm, 0);
    swarm_start(&swarm, 1);
    for (size_t i = 0; i < 2; i++) {
        const struct swim_action *actions;
        struct slice bytes;

        swim_join(swarm.nodes[i].swim, swarm.now_ms, &swarm.nodes[1 - i].address, 1);
        actions = swim_actions(swarm.nodes[i].swim, &count);
        assert_int_equal(count, 1);
        bytes = actions[0].bytes;
        assert_int_equal(bytes.data[0], i ? MESSAGE_COMPRESSED : MESSAGE_EXCHANGE);
        assert_true(i ? bytes.size < 200 : bytes.size > SWIM_META_MAX);
        swarm_perform(&swarm, i);
    }
    assert_true(swarm_run_until(&swarm, 10000, swarm_agrees));
    // A new announcement is long enough to shrink.
    for (size_t i = 0; i < 2; i++) {
        const struct swim_action *actions;

        assert_int_equal(swim_send(swarm.nodes[i].swim, swarm.now_ms, &swarm.nodes[1 - i].address,
                                   slice_of(long_meta, sizeof long_meta)),
                         0);
        actions = swim_actions(swarm.nodes[i].swim, &count);
        assert_true(count == 1 && (actions[0].bytes.data[0] == MESSAGE_COMPRESSED) == (i == 1));
    }
    swarm_done(&swarm);
}

// Keys without a source of nonces are refused: at start, and later.
static void test_needs_entropy(void **state)
{
    struct swim_settings settings;
    struct guard guard = {0};
    struct swim *swim;

    (void)state;
    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 1;
    settings.address = (struct swim_address){.bytes = {127, 0, 0, 1}, .size = 4, .port = 1};
    add_key(&guard, 1);
    settings.guard = guard;
    assert_int_equal(swim_new(&settings, 1, &swim), ERR_INVALID);
    settings.guard.keys.count = 0;
    assert_int_equal(swim_new(&settings, 1, &swim), 0);
    assert_int_equal(swim_set_guard(swim, &guard), ERR_INVALID);
    swim_free(swim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_keys_change), cmocka_unit_test(test_forgery),
        cmocka_unit_test(test_replay),      cmocka_unit_test(test_compresses),
        cmocka_unit_test(test_budget),      cmocka_unit_test(test_needs_entropy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
