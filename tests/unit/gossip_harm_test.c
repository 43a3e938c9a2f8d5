// SPDX-License-Identifier: Apache-2.0
// One membership machine against somebody who knows the protocol: claims that would poison a ring,
// and floods that would keep it busy.
#include "base/err.h"
#include "base/rng.h"
#include "gossip/broadcast.h"
#include "gossip/exchange.h"
#include "gossip/packet.h"
#include "gossip/swim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { START_MS = 5000 };

static const char self_name[] = "0000000000000abc";

static struct swim_address address_of(uint16_t port)
{
    return swim_address_of(slice_of("\x7f\0\0\1", 4), port);
}

static struct swim *start(uint32_t members_max)
{
    struct swim_settings settings;
    struct swim *swim;

    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 0xabc;
    settings.seed = 1;
    settings.address = address_of(7946);
    settings.members_max = members_max;
    assert_int_equal(swim_new(&settings, START_MS, &swim), 0);
    return swim;
}

static size_t actions_of(const struct swim *swim, enum swim_action_kind kind)
{
    size_t count;
    size_t found = 0;
    const struct swim_action *actions = swim_actions(swim, &count);

    for (size_t i = 0; i < count; i++)
        found += actions[i].kind == kind;
    return found;
}

static void give_at(struct swim *swim, uint64_t now_ms, const struct message *message)
{
    struct swim_address peer = address_of(17946);
    struct buffer bytes = {0};

    message_encode(message, &bytes);
    swim_datagram(swim, now_ms, &peer, buffer_slice(&bytes));
    buffer_done(&bytes);
}

static void give(struct swim *swim, const struct message *message)
{
    give_at(swim, START_MS, message);
}

static struct message alive_of(const char *name, uint16_t port, uint32_t incarnation)
{
    return (struct message){
        .type = MESSAGE_ALIVE,
        .node = slice_of_text(name),
        .address = address_of(port),
        .incarnation = incarnation,
        .has_version = true,
        .version = {1, 5, 2, 0, 0, 0},
    };
}

static struct message claim_of(enum message_type type, const char *name, uint32_t incarnation)
{
    return (struct message){
        .type = type,
        .node = slice_of_text(name),
        .from = slice_of_text("accuser"),
        .incarnation = incarnation,
    };
}

static enum member_state state_of(const struct swim *swim, const char *name)
{
    for (size_t i = 0; i < swim_count(swim); i++) {
        if (strcmp(swim_at(swim, i)->name, name) == 0)
            return swim_at(swim, i)->state;
    }
    return MEMBER_LEFT + 1;
}

// --- Incarnations --------------------------------------------------------------------------------

// Whatever we are accused of, there is an incarnation above it, which others take from us.
static void test_refute_at_the_top(void **state)
{
    static const enum message_type types[] = {MESSAGE_SUSPECT, MESSAGE_DEAD};

    (void)state;
    for (uint32_t below = 0; below < 5; below++) {
        for (size_t i = 0; i < 2; i++) {
            struct swim *swim = start(16);
            struct swim *other = start(16);
            struct message claim = claim_of(types[i], self_name, UINT32_MAX - below);
            struct message victim = alive_of("gb", 1, 1);
            struct message refutation;

            give(swim, &claim);
            assert_int_equal(swim_self(swim)->state, MEMBER_ALIVE);
            give(other, &victim);
            claim.node = victim.node;
            give(other, &claim);
            refutation = alive_of("gb", 1, swim_self(swim)->incarnation);
            give(other, &refutation);
            assert_int_equal(state_of(other, "gb"), MEMBER_ALIVE);
            swim_free(swim);
            swim_free(other);
        }
    }
}

// The same in a full exchange; and the incarnation never wraps.
static void test_top_in_exchange(void **state)
{
    struct swim *swim = start(16);

    (void)state;
    for (uint32_t below = 5; below-- > 1;) {
        struct message record = alive_of(self_name, 7946, UINT32_MAX - below);
        struct swim_address peer = address_of(17946);
        struct buffer bytes = {0};
        uint32_t before = swim_self(swim)->incarnation;

        record.state = MEMBER_DEAD;
        exchange_encode_header(false, 1, 0, &bytes);
        message_encode_record(&record, &bytes);
        swim_stream_bytes(swim, START_MS, swim_accept(swim, START_MS, &peer), buffer_slice(&bytes));
        assert_true(swim_self(swim)->incarnation >= before);
        assert_int_equal(swim_self(swim)->state, MEMBER_ALIVE);
        buffer_done(&bytes);
    }
    assert_int_equal(swim_self(swim)->incarnation, UINT32_MAX - 1);
    swim_free(swim);
}

// --- Versions ------------------------------------------------------------------------------------

static uint64_t exchange(struct swim *swim, const struct message *records, uint32_t count)
{
    struct swim_address peer = address_of(17946);
    uint64_t failed = swim_counts(swim)->streams_failed;
    struct buffer bytes = {0};

    exchange_encode_header(false, count, 0, &bytes);
    for (uint32_t i = 0; i < count; i++)
        message_encode_record(&records[i], &bytes);
    swim_stream_bytes(swim, START_MS, swim_accept(swim, START_MS, &peer), buffer_slice(&bytes));
    buffer_done(&bytes);
    return swim_counts(swim)->streams_failed - failed;
}

// An announcement with odd versions, by datagram or among others in an exchange, does not keep the
// ring from exchanging: it alone is left out.
static void test_odd_versions(void **state)
{
    static const uint8_t odd[][VERSION_SIZE] = {
        {0, 0, 0, 0, 0, 0}, {3, 5, 4, 0, 0, 0},       {1, 1, 1, 0, 0, 0},   {5, 1, 2, 0, 0, 0},
        {1, 5, 9, 0, 0, 0}, {200, 255, 200, 0, 0, 0}, {1, 5, 2, 2, 5, 4},   {0, 5, 2, 0, 0, 0},
        {1, 5, 2, 1, 0, 0}, {1, 5, 2, 0, 9, 9},       {1, 5, 2, 0, 255, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct swim *swim = start(16);
        struct message records[2] = {alive_of("gb", 1, 1), alive_of("odd", 2, 1)};
        struct message lone = alive_of("gc", 3, 1);

        memcpy(records[1].version, odd[i], VERSION_SIZE);
        give(swim, &records[1]);
        assert_int_equal(swim_count(swim), 1);
        assert_int_equal(exchange(swim, &lone, 1), 0);
        assert_int_equal(exchange(swim, records, 2), 0);
        assert_int_equal(swim_count(swim), 3);
        assert_int_equal(state_of(swim, "odd"), MEMBER_LEFT + 1);
        swim_free(swim);
    }
}

// --- Floods --------------------------------------------------------------------------------------

static void fill_table(struct swim *swim, uint32_t count, uint64_t now_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        struct message alive;

        snprintf(name, sizeof name, "phantom%u", i);
        alive = alive_of(name, 1, 1);
        give_at(swim, now_ms, &alive);
    }
}

// The gone make room for who comes, without waiting for the end of a round of probes.
static void test_gone_make_room(void **state)
{
    struct swim *swim = start(32);
    struct message alive = alive_of("real", 2, 1);
    struct message dead = claim_of(MESSAGE_DEAD, "phantom7", 1);

    (void)state;
    fill_table(swim, 31, START_MS);
    give(swim, &dead);
    give_at(swim, START_MS + 1000, &alive);
    assert_int_equal(state_of(swim, "real"), MEMBER_LEFT + 1);
    give_at(swim, START_MS + 31000, &alive);
    assert_int_equal(state_of(swim, "real"), MEMBER_ALIVE);
    assert_int_equal(state_of(swim, "phantom7"), MEMBER_LEFT + 1);
    assert_int_equal(swim_count(swim), 32);
    swim_free(swim);
}

// A datagram of a thousand pings does not make us send a thousand.
static void test_packed_pings(void **state)
{
    struct swim *swim = start(64);
    struct message asks[2] = {
        {.type = MESSAGE_PING, .node = slice_of_text(self_name), .source = address_of(9)},
        {.type = MESSAGE_INDIRECT_PING, .node = slice_of_text("x"), .target = address_of(9)},
    };

    (void)state;
    fill_table(swim, 40, START_MS);
    for (size_t i = 0; i < 2; i++) {
        struct swim_address peer = address_of(17946);
        struct buffer one = {0};
        struct buffer datagram = {0};
        struct slice parts[PACKET_PARTS_MAX];

        message_encode(&asks[i], &one);
        for (size_t part = 0; part < PACKET_PARTS_MAX; part++)
            parts[part] = buffer_slice(&one);
        packet_seal(parts, PACKET_PARTS_MAX, false, &datagram);
        swim_datagram(swim, START_MS, &peer, buffer_slice(&datagram));
        assert_in_range(actions_of(swim, SWIM_DATAGRAM), 1, 8);
        buffer_done(&one);
        buffer_done(&datagram);
    }
    swim_free(swim);
}

// --- The queue of news, against a plain list -----------------------------------------------------

enum { NEWS_MAX = 40, NEWS_RUNS = 30000 };

struct entry {
    uint64_t about;
    uint64_t order;
    uint32_t sends;
    size_t size;
    bool used;
    bool taken;
};

static bool is_better(const struct entry *a, const struct entry *b)
{
    if (a->sends != b->sends)
        return a->sends < b->sends;
    return a->size != b->size ? a->size > b->size : a->order > b->order;
}

// The best or the worst of those that were not taken.
static struct entry *extreme(struct entry *entries, bool best)
{
    struct entry *found = NULL;

    for (size_t i = 0; i < NEWS_MAX; i++) {
        struct entry *entry = &entries[i];

        if (entry->used && !entry->taken && (!found || is_better(entry, found) == best))
            found = entry;
    }
    return found;
}

static size_t count_used(const struct entry *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < NEWS_MAX; i++)
        count += entries[i].used;
    return count;
}

static void naive_add(struct entry *entries, size_t max, const struct entry *fresh)
{
    struct entry *place = NULL;

    for (size_t i = 0; i < NEWS_MAX && !place; i++) {
        if (entries[i].used && entries[i].about == fresh->about)
            place = &entries[i];
    }
    if (!place && count_used(entries) == max)
        extreme(entries, false)->used = false;
    for (size_t i = 0; i < NEWS_MAX && !place; i++) {
        if (!entries[i].used)
            place = &entries[i];
    }
    *place = *fresh;
}

static size_t naive_fill(struct entry *entries, const struct broadcast_room *room, uint64_t *orders)
{
    size_t left = room->bytes;
    size_t parts = 0;
    struct entry *entry;

    while ((entry = extreme(entries, true)) && parts < room->parts) {
        entry->taken = true;
        if (entry->size + room->overhead > left)
            continue;
        left -= entry->size + room->overhead;
        orders[parts++] = entry->order;
    }
    for (size_t i = 0; i < NEWS_MAX; i++) {
        for (size_t part = 0; part < parts && entries[i].used; part++)
            entries[i].sends += orders[part] == entries[i].order;
        entries[i].taken = false;
        entries[i].used = entries[i].used && entries[i].sends < room->sends_max;
    }
    return parts;
}

static void check_fill(struct broadcasts *queue, struct entry *entries, struct rng *rng)
{
    struct broadcast_room room = {rng_below(rng, 200), rng_below(rng, 12), 2,
                                  1 + (uint32_t)rng_below(rng, 6), false};
    struct arena arena = {0};
    struct slice out[16];
    uint64_t orders[16];
    size_t parts = broadcasts_fill(queue, &room, &arena, out);

    assert_int_equal(parts, naive_fill(entries, &room, orders));
    for (size_t i = 0; i < parts; i++)
        assert_memory_equal(out[i].data, &orders[i], sizeof orders[i]);
    assert_int_equal(queue->count, count_used(entries));
    arena_done(&arena);
}

// Messages carry their order, so that each can be told from the others.
static void test_news_against_list(void **state)
{
    struct entry entries[NEWS_MAX] = {0};
    struct broadcasts queue;
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    broadcasts_init(&queue, NEWS_MAX - 8);
    for (uint64_t run = 1; run <= NEWS_RUNS; run++) {
        uint8_t bytes[40] = {0};
        struct entry fresh = {.about = rng_below(&rng, 60),
                              .order = run,
                              .size = 8 + rng_below(&rng, 30),
                              .used = true};

        memcpy(bytes, &run, sizeof run);
        broadcasts_add(&queue, fresh.about, slice_of(bytes, fresh.size));
        naive_add(entries, NEWS_MAX - 8, &fresh);
        if (rng_below(&rng, 4) == 0)
            check_fill(&queue, entries, &rng);
    }
    broadcasts_done(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refute_at_the_top), cmocka_unit_test(test_top_in_exchange),
        cmocka_unit_test(test_odd_versions),      cmocka_unit_test(test_gone_make_room),
        cmocka_unit_test(test_packed_pings),      cmocka_unit_test(test_news_against_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
